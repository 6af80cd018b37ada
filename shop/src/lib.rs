//! A small shop to try things on: about 2,000 members, 300 products and a year of orders,
//! bought together the way people do.
//!
//! Members have a few tastes and come back for them; products complement one another;
//! everybody needs toilet paper; some buy as guests and some send things back. All of it is
//! drawn by integer arithmetic from a generator with a fixed stream ([`rand_pcg`]), so the
//! shop is the same, to the byte, on every platform and in every version.

mod catalogue;
mod draw;

use catalogue::PRODUCTS;

pub use crate::{catalogue::Product, draw::OrderLine};

/// Returns all products, by ascending number.
pub fn products() -> &'static [Product] {
    &PRODUCTS
}

/// Draws the order lines of one year, ascending by order; always the same ones. Takes a few
/// milliseconds.
pub fn order_lines() -> Vec<OrderLine> {
    draw::order_lines()
}

/// Writes the order lines as CSV with the header
/// `order,date,member,sku,product,category,quantity,price`.
///
/// Names that hold a comma are quoted, the member of guests is empty, prices are in whole
/// units with two decimals.
pub fn csv() -> String {
    let mut text = String::from("order,date,member,sku,product,category,quantity,price\n");
    for line in order_lines() {
        text.push_str(&csv_line(&line));
    }
    text
}

fn csv_line(line: &OrderLine) -> String {
    let OrderLine { order, date, member, product, quantity } = line;
    let member = member.map(|member| member.to_string()).unwrap_or_default();
    let Product { sku, name, category, price_cents, .. } = product;
    let quote = if name.contains(',') { "\"" } else { "" };
    let (units, cents) = (price_cents / 100, price_cents % 100);
    format!(
        "{order},{date},{member},{sku},{quote}{name}{quote},{category},{quantity},{units}.{cents:02}\n"
    )
}

#[cfg(test)]
mod tests;
