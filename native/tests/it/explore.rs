//! The notebook as the program serves it: who is answered, what with, and the full run.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStderr, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::tools::{Home, crowd, settings};

const COLUMNS: &str = "--user member --item sku";

/// A notebook that is served, until this is dropped.
struct Served {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: SocketAddr,
    /// The secret part of its paths, between slashes.
    secret: String,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Served {
    fn start(home: &Home, arguments: &str) -> Self {
        let arguments = format!("explore {arguments} --no-open");
        let mut child = home
            .command(&arguments)
            // What a variable says of the job was shown to the page, which decides.
            .env("ILK_TOP", "3")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ilk starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let Some(rest) = line.trim().strip_prefix("http://") else {
            let mut told = String::new();
            stderr.read_to_string(&mut told).expect("text");
            panic!("ilk {arguments}: {told}");
        };
        let (address, secret) = rest.split_once('/').expect("a path");
        let address = address.parse().expect("an address");
        Self { child, stderr, address, secret: format!("/{secret}") }
    }

    /// Sends a request as it is written here, and reads the whole answer.
    fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("headers");
        let headers = String::from_utf8(bytes[..end].to_vec()).expect("text");
        let status = headers.split(' ').nth(1).expect("a status").parse().expect("a number");
        Answer { status, headers, body: bytes[end + 4..].to_vec() }
    }

    /// A request with the headers a browser sends, and others.
    fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let (host, length) = (self.address, body.len());
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    fn get(&self, path: &str) -> Answer {
        self.request("GET", &format!("{}{path}", self.secret), "", "")
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.get(path).body).expect("JSON")
    }

    /// The headers of a request that the page itself sends.
    fn own(&self) -> String {
        format!("Origin: http://{}\r\nContent-Type: application/json\r\n", self.address)
    }

    fn run(&self, wish: &Value) -> Answer {
        let path = format!("{}explore/run", self.secret);
        self.request("POST", &path, &self.own(), &wish.to_string())
    }

    fn cancel(&self) -> Answer {
        let path = format!("{}explore/run", self.secret);
        self.request("DELETE", &path, &self.own(), "")
    }

    /// Waits until the batch is as `is` wants it.
    fn wait(&self, is: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let told = self.json("explore/run");
            if is(&told) {
                return told;
            }
            assert!(begin.elapsed() < Duration::from_mins(1), "still {told}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the notebook is in the program, serves a crowd's orders; else there is nothing to serve,
/// which `without_its_pages_the_program_says_what_to_do` holds.
fn served(arguments: &str) -> Option<(Home, Served)> {
    let home = Home::new();
    home.write("orders.csv", crowd(1_000, 150, 10));
    cfg!(has_pages).then(|| {
        let served = Served::start(&home, &format!("orders.csv {COLUMNS} {arguments}"));
        (home, served)
    })
}

/// A job on the columns of the orders.
fn wish(job: &Value) -> Value {
    json!({ "columns": { "user": "member", "item": "sku" }, "job": job })
}

fn is_over(told: &Value) -> bool {
    told["state"] != "running"
}

#[test]
fn without_its_pages_the_program_says_what_to_do() {
    if cfg!(has_pages) {
        return;
    }
    let home = Home::with_orders();
    let ran = home.ilk("explore orders.csv --no-open");
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.stderr, @r"
    error: this program was built without the notebook
    help: run `cargo xtask web` in the checkout, then rebuild the program
    ");
}

#[test]
fn the_page_is_told_apart_from_others() {
    let Some((_home, served)) = served("") else { return };
    let page = served.get("");
    assert_eq!(page.status, 200);
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-encoding: gzip",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-embedder-policy: require-corp",
        "cross-origin-resource-policy: same-origin",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "content-security-policy: frame-ancestors 'self'",
    ] {
        assert!(page.headers.contains(header), "{header}: {}", page.headers);
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&page.body[..]).read_to_string(&mut text).expect("gzip");
    assert!(text.contains(r#"<meta name="ilk-explore" content="explore/" />"#), "{text}");
    let wasm = served.get("ilk-wasm/single/ilk_wasm_bg.wasm");
    assert!(wasm.headers.contains("content-type: application/wasm"), "{}", wasm.headers);
    let head = served.request("HEAD", &served.secret, "", "");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn strangers_are_turned_away() {
    let Some((_home, served)) = served("") else { return };
    let (secret, address) = (&*served.secret, served.address);
    let status = |path: &str, headers: &str| served.request("GET", path, headers, "").status;
    // Without the secret, or with another one.
    let other = format!("/{}/", "0".repeat(32));
    for path in ["/", "/explore/setup", "/index.html", &other, &format!("{other}explore/sample")] {
        assert_eq!(status(path, ""), 404, "{path}");
    }
    assert_eq!(status(secret, ""), 200);
    // By another name: a name server may say that any name is this machine.
    for host in ["evil.example", "evil.example:80", &format!("evil.example:{}", address.port())] {
        let request = format!("GET {secret} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(served.send(&request).status, 403, "{host}");
    }
    // With a name of the user, with two hosts, with another host in the target.
    let get = |target: &str, hosts: &str| {
        let request = format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        served.send(&request).status
    };
    let host = format!("Host: {address}\r\n");
    assert_eq!(get(secret, &format!("Host: evil.example@{address}\r\n")), 403);
    assert_eq!(get(secret, &format!("{host}Host: evil.example\r\n")), 403);
    assert_eq!(get(&format!("http://evil.example{secret}"), &host), 403);
    assert_eq!(get(&format!("http://{address}{secret}"), &host), 200);
    let nameless = format!("GET {secret} HTTP/1.0\r\n\r\n");
    assert_eq!(served.send(&nameless).status, 403);
    // From another page.
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(status(secret, &format!("Origin: {origin}\r\n")), 403, "{origin}");
    }
    assert_eq!(status(secret, &format!("Origin: http://{address}\r\n")), 200);
    // A page from elsewhere can send a form or text, and not say otherwise.
    let path = format!("{secret}explore/run");
    let sent = wish(&json!({})).to_string();
    let plain = format!("Origin: http://{address}\r\nContent-Type: text/plain\r\n");
    for (headers, expected) in [
        ("", 403),
        ("Origin: https://evil.example\r\nContent-Type: application/json\r\n", 403),
        ("Content-Type: application/json\r\n", 403),
        (&*plain, 415),
    ] {
        assert_eq!(served.request("POST", &path, headers, &sent).status, expected, "{headers}");
    }
    let long = format!("{}\"x\"", " ".repeat(70_000));
    assert_eq!(served.request("POST", &path, &served.own(), &long).status, 413);
    assert_eq!(served.json("explore/run"), Value::Null, "nothing was begun");
}

#[test]
fn a_request_that_never_ends_is_given_up() {
    let Some((_home, served)) = served("") else { return };
    let (address, secret, own) = (served.address, &served.secret, served.own());
    let begun = format!(
        "POST {secret}explore/run HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Length: 100\r\n{own}\r\n{{"
    );
    assert_eq!(served.send(&begun).status, 408);
    assert_eq!(served.json("explore/run"), Value::Null, "nothing was begun");
}

#[test]
fn nothing_but_the_notebook_is_served() {
    let Some((home, served)) = served("") else { return };
    home.write("secret.txt", "mine");
    for path in [
        "../orders.csv",
        "../../orders.csv",
        "..%2forders.csv",
        "%2e%2e/orders.csv",
        "ilk-wasm/../../orders.csv",
        "orders.csv",
        "secret.txt",
        "/etc/passwd",
        "assets",
        "assets/",
        "sw.js",
        "explore",
        "explore/",
        "explore/report",
        "nothing",
    ] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
    for (method, path, allowed) in [
        ("POST", "", "GET, HEAD"),
        ("PUT", "explore/sample", "GET, HEAD"),
        ("DELETE", "explore/setup", "GET, HEAD"),
        ("PUT", "explore/run", "GET, HEAD, POST, DELETE"),
        ("OPTIONS", "explore/run", "GET, HEAD, POST, DELETE"),
    ] {
        let answer = served.request(method, &format!("{}{path}", served.secret), "", "");
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(answer.headers.contains(&format!("allow: {allowed}")), "{}", answer.headers);
    }
}

#[test]
fn the_sample_is_that_of_ilk_sample() {
    for size in ["--rate 30%", "--users 77", "--rate 100%"] {
        let wide = format!("{size} --weight quantity --where quantity>1");
        let Some((home, served)) = served(&wide) else { return };
        home.stdout(&format!("sample orders.csv {COLUMNS} {wide} --out sample.parquet"));
        let sample = served.get("explore/sample");
        assert!(sample.headers.contains("content-type: application/vnd.apache.parquet"));
        assert!(sample.body == home.bytes("sample.parquet"), "{size}");
    }
}

#[test]
fn the_page_is_told_what_the_program_was() {
    let Some((_home, served)) = served("--rate 25% --measure llr --where quantity>1") else {
        return;
    };
    let setup = served.json("explore/setup");
    let text = serde_json::to_string_pretty(&setup).expect("JSON");
    insta::assert_snapshot!("explore_setup", text);
}

#[test]
fn the_page_is_given_the_lists_of_the_full_batch() {
    if !cfg!(has_pages) {
        return;
    }
    let home = Home::with_orders();
    home.write("some.txt", "S1\nS2\n");
    home.write("more.csv", "sku\nS3\nS1\n");
    let lists = "--only some.txt --only more.csv --for some.txt";
    let served = Served::start(&home, &format!("orders.csv {COLUMNS} {lists}"));
    let expected = json!({
        "only": { "files": ["some.txt", "more.csv"], "ids": ["S1", "S2", "S3", "S1"] },
        "for": { "files": ["some.txt"], "ids": ["S1", "S2"] },
    });
    assert_eq!(served.json("explore/setup")["lists"], expected);
}

#[test]
fn columns_are_guessed_where_nobody_names_them() {
    if !cfg!(has_pages) {
        return;
    }
    let home = Home::with_orders();
    let served = Served::start(&home, "orders.csv");
    let columns = served.json("explore/setup")["columns"].take();
    let (weight, time, label) = ("quantity", "day", Value::Null);
    let expected = json!({ "user": "member", "item": "sku", "weight": weight, "time": time, "item_label": label });
    assert_eq!(columns, expected);
}

#[test]
fn rows_that_are_in_no_sample_are_counted() {
    if !cfg!(has_pages) {
        return;
    }
    let home = Home::new();
    home.write("some.csv", b"user,item\n1,a\n,b\n,c\n2,\xff\n1,b\n");
    let served = Served::start(&home, "some.csv");
    let setup = served.json("explore/setup");
    assert_eq!((&setup["rows"], &setup["sampledRows"]), (&json!(5), &json!(2)));
    assert_eq!(setup["left"], json!({ "unreadable": 1, "ofNobody": 2 }));
    home.write("none.csv", b"user,item\n,b\n\xff,c\n");
    let ran = home.ilk("explore none.csv --no-open");
    assert_eq!(ran.code, Some(2));
    let refusal = ran.stderr.lines().skip_while(|line| !line.starts_with("error: "));
    insta::assert_snapshot!(refusal.collect::<Vec<_>>().join("\n"), @r"
    error: none of the 2 rows is usable: 1 unreadable, 1 without a user
    help: `ilk inspect` shows the first rows of each reason
    ");
}

#[test]
fn the_full_batch_is_the_run_that_people_would_type() {
    let Some((home, served)) = served("--rate 10%") else { return };
    let job = json!({ "measure": "jaccard", "top": 7, "min_overlap": 2 });
    assert_eq!(served.run(&wish(&job)).status, 202);
    let told = served.wait(is_over);
    assert_eq!(
        (&told["state"], &told["out"]),
        (&json!("done"), &json!("similar.parquet")),
        "{told}"
    );
    let stages = told["stages"].as_array().expect("stages").iter();
    let names = stages.map(|stage| stage["name"].as_str().expect("a name")).collect::<Vec<_>>();
    assert_eq!(names, ["reading", "sorting", "comparing", "writing", "reporting"]);
    assert_eq!(told["wish"]["job"], job);
    let typed = told["command"].as_str().expect("a command").replace("similar.", "typed.");
    home.stdout(typed.strip_prefix("ilk ").expect("ilk").replace(" -- ", " ").as_str());
    assert_eq!(home.bytes("similar.parquet"), home.bytes("typed.parquet"));

    let report = served.get("explore/report");
    assert_eq!(report.body, home.bytes("similar.html"));
    assert!(report.headers.contains("content-security-policy: default-src 'none';"));
    // The next goes beside it.
    assert_eq!(served.run(&wish(&json!({}))).status, 202);
    assert_eq!(served.wait(is_over)["out"], "similar-2.parquet");
    let top = home.stdout("similar similar-2.parquet 3 -n 40");
    assert!(top.lines().count() > 10, "ILK_TOP=3 does not count: {top}");
}

#[test]
fn a_batch_that_fails_says_why() {
    let Some((home, served)) = served("") else { return };
    for (wish, status) in [
        (json!({ "columns": { "user": "member", "item": "sku" }, "job": { "tpo": 3 } }), 422),
        (json!({ "columns": { "user": "member", "item": "sku" }, "job": { "out": "x.csv" } }), 422),
        (json!({ "columns": { "user": "member" }, "job": {} }), 422),
    ] {
        assert_eq!(served.run(&wish).status, status, "{wish}");
    }
    assert_eq!(served.run(&wish(&json!({ "weighting": "decay" }))).status, 202);
    let told = served.wait(is_over);
    assert_eq!(told["state"], "failed");
    let message = told["error"]["message"].as_str().expect("a message");
    assert!(message.contains("decay needs the time"), "{told}");
    assert_eq!(home.names(), ["orders.csv"]);
    assert_eq!(served.get("explore/report").status, 404);
}

/// One user's many items, each pair of which counts: a batch of minutes.
fn long_batch() -> Option<(Home, Served)> {
    let home = Home::new();
    let items = (0..450_000).map(|item| format!("1,{item}")).collect::<Vec<_>>().join("\n");
    let others =
        (2..2_000).map(|user| format!("{user},{}", user % 50)).collect::<Vec<_>>().join("\n");
    home.write("views.csv", format!("member,sku\n{others}\n{items}"));
    let arguments = format!("views.csv {COLUMNS} --users 20");
    let served = cfg!(has_pages).then(|| Served::start(&home, &arguments))?;
    assert_eq!(served.run(&wish(&json!({ "top": 1 }))).status, 202);
    let is_counted = |stage: &Value| stage["name"] == "comparing" && stage["done"].is_number();
    served.wait(|told| told["stages"].as_array().is_some_and(|all| all.iter().any(is_counted)));
    Some((home, served))
}

#[test]
fn a_batch_is_cancelled_without_a_trace() {
    let Some((home, served)) = long_batch() else { return };
    assert!(home.names().len() > 1, "working files lie beside the output");
    assert_eq!(served.run(&wish(&json!({}))).status, 409);
    assert_eq!(served.cancel().status, 200);
    assert_eq!(served.wait(is_over)["state"], "cancelled");
    assert_eq!(home.names(), ["views.csv"]);
    // There is nothing to cancel now, and something to begin.
    assert_eq!(served.cancel().status, 200);
    assert_eq!(served.run(&wish(&json!({ "max_items_per_user": 5 }))).status, 202);
    assert_eq!(served.wait(is_over)["state"], "done");
}

#[test]
fn a_batch_does_not_outlive_the_program() {
    let Some((home, mut served)) = long_batch() else { return };
    // As `kill -9` does: nothing of the program runs any more.
    served.child.kill().expect("killed");
    let begin = Instant::now();
    while home.names() != ["views.csv"] {
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", home.names());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[cfg(unix)]
fn an_interruption_ends_it_cleanly() {
    let Some((home, mut served)) = long_batch() else { return };
    let kill = format!("kill -INT {}", served.child.id());
    let shell = std::process::Command::new("sh").args(["-c", &kill]).status();
    assert!(shell.expect("a shell").success());
    assert_eq!(served.child.wait().expect("ilk ends").code(), Some(130));
    let mut told = String::new();
    served.stderr.read_to_string(&mut told).expect("text");
    assert!(told.ends_with("serving the notebook; stop with Ctrl-C\n"), "no more is said: {told}");
    let begin = Instant::now();
    while home.names() != ["views.csv"] {
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", home.names());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn wrong_usage_is_told_before_anything_is_served() {
    if !cfg!(has_pages) {
        return;
    }
    let home = Home::with_orders();
    home.write("odd.csv", "colour,size\nred,3\n");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = format!("orders.csv --listen {}", taken.local_addr().expect("an address"));
    let wrong = [
        "",
        "none.csv",
        "odd.csv",
        "orders.csv --rate 10% --users 5",
        "orders.csv --rate 0.0001%",
        "orders.csv --measure cosin",
        "orders.csv --weighting decay --user member --item sku",
        "orders.csv --listen nowhere",
    ];
    let wrong = wrong.map(|arguments| {
        let ran = home.ilk(&format!("explore {arguments} --no-open"));
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{arguments}");
        format!("ilk explore {arguments}\n{}", ran.stderr)
    });
    settings().bind(|| insta::assert_snapshot!("explore_errors", wrong.join("\n")));
    // What a system says of a port that is taken differs; that it says so does not.
    let ran = home.ilk(&format!("explore {taken} --no-open"));
    assert!(ran.stderr.starts_with("error: cannot listen on 127.0.0.1:"), "{}", ran.stderr);
    let told = fs::read_dir(home.path()).expect("a folder").count();
    assert_eq!(told, 2, "nothing is left");
}
