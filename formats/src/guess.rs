//! Which column is which, by the names people usually give them.

use crate::schema::{ColumnKind, Schema, fold};

/// The columns that look like user, item, weight, time and label; `None` where none does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// Who touched.
    pub user: Option<String>,
    /// What was touched.
    pub item: Option<String>,
    /// How much.
    pub weight: Option<String>,
    /// When.
    pub time: Option<String>,
    /// How the item is called.
    pub item_label: Option<String>,
}

/// Usual names, the most telling first. All are compared after [`fold`].
const USERS: &[&str] = &[
    "userid",
    "customerid",
    "memberid",
    "visitorid",
    "householdid",
    "householdkey",
    "shopperid",
    "clientid",
    "accountid",
    "userno",
    "customerno",
    "memberno",
    "user",
    "customer",
    "member",
    "visitor",
    "household",
    "shopper",
    "client",
    "account",
    "buyerid",
    "buyer",
    "listenerid",
    "listener",
    "reader",
    "viewer",
    "patient",
    "personid",
    "person",
    "cookieid",
    "cookie",
    "deviceid",
    "sessionid",
    "session",
    "basketid",
    "basket",
    "orderid",
    "transactionid",
    "invoiceno",
    "invoice",
    "uid",
    "msno",
    "usr",
    "u",
    "caseid",
    "id",
];
const ITEMS: &[&str] = &[
    "itemid",
    "productid",
    "articleid",
    "movieid",
    "stockcode",
    "sku",
    "skuid",
    "songid",
    "trackid",
    "bookid",
    "videoid",
    "artistid",
    "gameid",
    "courseid",
    "recipeid",
    "productcode",
    "itemcode",
    "articlecode",
    "productno",
    "itemno",
    "upc",
    "ean",
    "gtin",
    "asin",
    "isbn",
    "contentid",
    "pageid",
    "vrootid",
    "documentid",
    "item",
    "product",
    "article",
    "movie",
    "song",
    "track",
    "book",
    "video",
    "artist",
    "game",
    "course",
    "recipe",
    "content",
    "page",
    "url",
    "document",
    "tag",
    "genre",
    "iid",
    "pid",
    "i",
];
const WEIGHTS: &[&str] = &[
    "quantity",
    "qty",
    "amount",
    "rating",
    "weight",
    "count",
    "plays",
    "playcount",
    "score",
    "stars",
    "units",
    "views",
    "clicks",
    "purchases",
    "value",
    "w",
];
const TIMES: &[&str] = &[
    "timestamp",
    "invoicedate",
    "orderdate",
    "transactiontimestamp",
    "transactiondate",
    "purchasedate",
    "eventtime",
    "eventdate",
    "datetime",
    "time",
    "date",
    "createdat",
    "orderedat",
    "createdtime",
    "tdat",
    "ts",
    "t",
    "day",
];
const LABELS: &[&str] = &[
    "itemname",
    "productname",
    "articlename",
    "itemlabel",
    "itemtitle",
    "producttitle",
    "movietitle",
    "productdescription",
    "itemdescription",
    "description",
    "title",
    "name",
    "label",
    "prodname",
    "trackname",
    "songtitle",
    "producttype",
    "productcategory",
];

/// Guesses the columns by their names, as a suggestion. A column is guessed once; types that
/// cannot serve are passed over. Cost: names times known names.
pub fn guess_columns(schema: &Schema) -> Guess {
    use ColumnKind::{Boolean, Integer, Number, Other, Text, Time, Untyped, Uuid};
    let mut taken = vec![false; schema.columns.len()];
    let mut pick = |names: &[&str], kinds: &[ColumnKind]| {
        let serves = |place: &usize| !taken[*place] && kinds.contains(&schema.columns[*place].kind);
        let found = |known: &&str| {
            let mut places = (0..schema.columns.len()).filter(serves);
            places.find(|place| fold(&schema.columns[*place].name) == **known)
        };
        let place = names.iter().find_map(found)?;
        taken[place] = true;
        Some(schema.columns[place].name.clone())
    };
    // Items before users: `id` alone is a user only if nothing else is.
    let item = pick(ITEMS, &[Integer, Number, Text, Untyped, Uuid]);
    let user = pick(USERS, &[Integer, Number, Text, Untyped, Uuid]);
    let weight = pick(WEIGHTS, &[Integer, Number, Untyped, Boolean]);
    let time = pick(TIMES, &[Time, Integer, Number, Text, Untyped]);
    let item_label = pick(LABELS, &[Text, Untyped]);
    debug_assert!(!taken.iter().zip(&schema.columns).any(|(t, c)| *t && c.kind == Other));
    Guess { user, item, weight, time, item_label }
}

/// Counts the columns that may be the user, and those that may be the item, by usual names: a guess
/// is sure only of one candidate each. Cost: names times known names.
pub fn count_candidates(schema: &Schema) -> (usize, usize) {
    use ColumnKind::{Integer, Number, Text, Untyped, Uuid};
    let columns = schema.columns.iter();
    let ids =
        columns.filter(|column| matches!(column.kind, Integer | Number | Text | Untyped | Uuid));
    let names = ids.map(|column| fold(&column.name)).collect::<Vec<_>>();
    let count = |known: &[&str]| names.iter().filter(|name| known.contains(&name.as_str())).count();
    (count(USERS), count(ITEMS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expected: [Option<&str>; 5]) {
        let guess = guess_columns(&Schema::of_untyped(names.iter().copied()));
        let found = [guess.user, guess.item, guess.weight, guess.time, guess.item_label];
        assert_eq!(found.each_ref().map(Option::as_deref), expected, "{names:?}");
    }

    #[test]
    fn a_guess_is_sure_of_one_candidate_each() {
        let count = |names: &[&str]| count_candidates(&Schema::of_untyped(names.iter().copied()));
        assert_eq!(count(&["userId", "movieId", "rating", "timestamp"]), (1, 1));
        assert_eq!(count(&["InvoiceNo", "StockCode", "Customer ID"]), (2, 1));
        assert_eq!(count(&["member", "sku", "product"]), (1, 2));
        assert_eq!(count(&["alpha", "beta"]), (0, 0));
    }

    #[test]
    fn usual_names_are_guessed() {
        check(
            &["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "Customer ID"],
            [
                Some("Customer ID"),
                Some("StockCode"),
                Some("Quantity"),
                Some("InvoiceDate"),
                Some("Description"),
            ],
        );
        check(
            &["userId", "movieId", "rating", "timestamp"],
            [Some("userId"), Some("movieId"), Some("rating"), Some("timestamp"), None],
        );
        check(
            &["household_id", "basket_id", "product_id", "quantity"],
            [Some("household_id"), Some("product_id"), Some("quantity"), None, None],
        );
        check(&["user", "item"], [Some("user"), Some("item"), None, None, None]);
        check(&["alpha", "beta"], [None; 5]);
    }
}
