//! `torana routes`: what there is, at a glance.

use std::fs;

use tempfile::TempDir;
use torana_tests::command::torana;

const FILE: &str = r#"
[listen.public]
address = "127.0.0.1:8080"

[upstreams.old]
targets = ["127.0.0.1:9001"]
[upstreams.new]
targets = ["127.0.0.1:9002"]
[upstreams.next]
targets = ["127.0.0.1:9003"]

[[routes]]
name = "plain"
match = { path = "/plain", methods = ["GET"], hosts = ["shop.example"] }
upstream = "old"
alternatives = ["new"]

[[routes]]
name = "split"
match = { path = "/split" }
split = [{ upstream = "old", weight = 95 }, { upstream = "new", weight = 5 }]
alternatives = ["next"]

[[routes]]
name = "mirror"
match = { path = "/mirror" }
upstream = "old"
mirror = { upstream = "next", percent = 10 }

[[routes]]
name = "moved"
match = { path = "/old/{id}" }
redirect = { to = "https://{host}/new/{id}", status = 308 }

[[routes]]
name = "closed"
match = { path = "/{*rest}" }
reply = { status = 503 }
"#;

const SHOWN: &str = "\
ROUTE   LISTEN  METHODS  HOSTS         PATH       CHAIN  ANSWER
plain   public  GET      shop.example  /plain     -      old|new
split   public  any      any           /split     -      old=95|new=5|next
mirror  public  any      any           /mirror    -      old +10% to next
moved   public  any      any           /old/{id}  -      308 https://{host}/new/{id}
closed  public  any      any           /{*rest}   -      503 (reply)
";

#[test]
fn every_way_to_answer_is_shown() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("gateway.toml"), FILE).expect("writing");
    assert_eq!(torana(folder.path(), &["routes", "gateway.toml"]).expect(0).stdout, SHOWN);
}
