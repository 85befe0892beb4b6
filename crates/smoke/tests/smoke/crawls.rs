//! Crawls of small sites behind a real nginx.

use std::net::TcpListener;

use testkit::{Nginx, Sandbox, wait_until};

use crate::{fails, once, passes, refuses, smoke};

/// A checks file with one crawl; `lines` are further keys of it.
pub(crate) fn crawl(url: &str, lines: &str, expect: &str) -> String {
    once("crawl", &format!("url = '{url}'\n{lines}"), expect)
}

/// The tool's record of the one check.
fn record(sandbox: &Sandbox) -> serde_json::Value {
    sandbox.journal().last().unwrap()["details"]["checks"][0].clone()
}

#[test]
fn a_site_whose_every_link_answers_passes() {
    let sandbox = Sandbox::new();
    let nginx = Nginx::start(
        "location = /old { return 301 /deep/page.html#there; }\nlocation = /send { limit_except POST { deny all; } }",
    );
    nginx.file("index.html", "<link rel=stylesheet href=/style.css><a href=old>x</a><a href='#top'>x</a><a href='mailto:a@b'>x</a>
        <form method=post action=send></form><a href=https://elsewhere.invalid/>x</a><a href=/index.html?a=1&amp;b>x</a>");
    nginx.file("style.css", "");
    nginx.file("deep/page.html", "<base href=/pictures/><img src=a.png srcset='a.png 1x, b.png 2x'><a href=/>x</a>");
    nginx.file("pictures/a.png", "");
    nginx.file("pictures/b.png", "");
    let checks = crawl(&nginx.url("/"), "", "['broken == 0', 'pages >= 6', 'time < 60s']");
    passes(&sandbox, &checks, "8 addresses, 0 broken, ");
    wait_until("all requests are logged", || nginx.requests().len() >= 8);
    let mut requests = nginx.requests();
    requests.sort();
    assert_eq!(
        requests,
        [
            "GET / 200",
            "GET /deep/page.html 200",
            "GET /index.html?a=1&b 200",
            "GET /old 301",
            "GET /pictures/a.png 200",
            "GET /pictures/b.png 200",
            "GET /send 403",
            "GET /style.css 200",
        ]
    );
}

#[test]
fn what_is_broken_is_named_with_the_page_that_links_it() {
    let sandbox = Sandbox::new();
    let nginx = Nginx::start(
        "location = /fault { return 500; }
         location = /one { return 302 /two; }
         location = /two { return 302 /one; }
         location = /moved { return 302 /nowhere; }",
    );
    nginx.file("index.html", "<a href=/gone>x</a><a href=/b.html>x</a>");
    nginx.file(
        "b.html",
        "<img srcset='/no.png 2x'><link rel=stylesheet href=/no.css><form action=/send method=post></form><a href=/fault>x</a>
         <a href=/one>x</a><a href=/moved>x</a>",
    );
    fails(
        &sandbox,
        &crawl(&nginx.url("/"), "", "'broken == 0'"),
        "7 are broken: /gone (404, linked from /), /no.png (404, linked from /b.html), /no.css (404, linked from /b.html) \
         and 4 more, expected broken == 0\n",
    );
    let broken = record(&sandbox)["evidence"]["broken"].as_str().unwrap().to_owned();
    let lines: Vec<&str> = broken.lines().collect();
    assert_eq!(lines[3..5], ["/send (404, linked from /b.html)", "/fault (500, linked from /b.html)"]);
    let mut rest = lines[5..].to_vec();
    rest.sort_unstable();
    assert_eq!(
        rest,
        [
            "/nowhere (404, redirected from /moved, linked from /b.html)",
            "/two (redirects in a circle, redirected from /one, linked from /b.html)",
        ]
    );
}

#[test]
fn fewer_than_so_many_may_be_broken_and_are_named_all_the_same() {
    let sandbox = Sandbox::new();
    let nginx = Nginx::start("");
    nginx.file("index.html", "<a href=/gone>x</a>");
    let checks = crawl(&nginx.url("/"), "", "'broken < 2'");
    smoke(&sandbox, &checks)
        .stdout_has("it  pass  2 addresses, 1 broken, ")
        .stdout_has(" ms; 1 is broken: /gone (404, linked from /)\n")
        .check();
    fails(
        &sandbox,
        &crawl(&nginx.url("/"), "", "'broken == 0'"),
        "1 is broken: /gone (404, linked from /), expected broken == 0\n",
    );
    fails(&sandbox, &crawl(&nginx.url("/"), "", "'pages >= 2'"), "1 address answers, expected pages >= 2\n");
    fails(
        &sandbox,
        &crawl(&nginx.url("/"), "", "'broken == 2'"),
        "1 is broken: /gone (404, linked from /), expected broken == 2\n",
    );
}

#[test]
fn a_page_that_hangs_is_broken_when_the_time_is_over() {
    let sandbox = Sandbox::new();
    // It accepts, and nobody reads.
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let nginx = Nginx::start(&format!("location = /slow {{ proxy_pass http://{}; }}", upstream.local_addr().unwrap()));
    nginx.file("index.html", "<a href=/slow>x</a><a href=/a.html>x</a>");
    nginx.file("a.html", "");
    let checks = crawl(&nginx.url("/"), "timeout = '3s'", "'broken == 0'");
    fails(&sandbox, &checks, "1 is broken: /slow (no whole answer from it within ");
}

#[test]
fn a_crawl_that_the_time_ends_says_how_far_it_came() {
    let sandbox = Sandbox::new();
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let nginx = Nginx::start(&format!("location /slow {{ proxy_pass http://{}; }}", upstream.local_addr().unwrap()));
    nginx.file("index.html", (0..10).map(|n| format!("<a href=/slow{n}>x</a>")).collect::<Vec<_>>().concat());
    let checks = crawl(&nginx.url("/"), "timeout = '6s'\nper_host = 2", "'broken < 100'");
    fails(&sandbox, &checks, "only 3 of 11 addresses were asked within 6.0 s\n");
    let evidence = &record(&sandbox)["evidence"];
    assert!(evidence["not asked"].as_str().unwrap().starts_with("/slow2 (linked from /)\n"), "{evidence}");
    assert!(evidence["broken"].as_str().unwrap().starts_with("/slow0 (no whole answer"), "{evidence}");
}

#[test]
fn a_sitemap_and_an_index_of_sitemaps_are_starts_too() {
    let sandbox = Sandbox::new();
    let nginx = Nginx::start("");
    let map = |names: &[&str]| {
        let urls =
            names.iter().map(|name| format!("<url><loc>{}</loc></url>", nginx.url(name))).collect::<Vec<_>>().concat();
        format!(
            "<?xml version=\"1.0\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">{urls}</urlset>"
        )
    };
    nginx.file("sitemap.xml", map(&["/a.html", "/gone?x=1&amp;y=2"]));
    nginx.file("a.html", "<a href=/b.html>x</a>");
    nginx.file("b.html", "<a href=/c.html>x</a>");
    let gone = "1 is broken: /gone?x=1&y=2 (404, linked from /sitemap.xml), expected broken == 0\n";
    fails(&sandbox, &crawl(&nginx.url("/sitemap.xml"), "", "'broken == 0'"), gone);
    nginx.file("more.xml", map(&["/b.html"]));
    let named =
        ["/sitemap.xml", "/more.xml"].map(|name| format!("<sitemap><loc>{}</loc></sitemap>", nginx.url(name))).concat();
    nginx.file("index.xml", format!("<sitemapindex>{named}</sitemapindex>"));
    fails(&sandbox, &crawl(&nginx.url("/index.xml"), "depth = 1", "'broken == 0'"), gone);
    assert_eq!(nginx.requests().iter().filter(|line| *line == "GET /c.html 404").count(), 0);
    // An address of a list is one link away, and what it links is the next.
    smoke(&sandbox, &crawl(&nginx.url("/index.xml"), "depth = 2", "'broken < 9'"))
        .stdout_has("7 addresses, 2 broken")
        .check();
}

#[test]
fn a_start_that_lists_nothing_fails() {
    let sandbox = Sandbox::new();
    let nginx = Nginx::start(
        "location = /gone { return 410; }
         location = /away { return 301 https://www.example.invalid/; }
         location = /circle { return 301 /circle; }
         location = /in { return 302 /logout; }
         location = /json { default_type application/json; return 200 '{}'; }
         location = /untyped { default_type ''; return 200 'x'; }",
    );
    nginx.file("other.xml", "<rss/>");
    nginx.file("empty.xml", "<urlset/>");
    nginx.file("map.xml.gz", [0x1f, 0x8b]);
    nginx.file("theirs.xml", "<urlset><url><loc>https://www.example.invalid/</loc></url></urlset>");
    nginx.file(
        "packed.xml",
        format!("<sitemapindex><sitemap><loc>{}</loc></sitemap></sitemapindex>", nginx.url("/map.xml.gz")),
    );
    for (start, said) in [
        ("/gone", "/gone (410, the start)".to_owned()),
        (
            "/away",
            "/away (redirects to https://www.example.invalid, and a crawl stays where it begins, the start)".to_owned(),
        ),
        ("/circle", "/circle (redirects in a circle, the start)".to_owned()),
        ("/in", "/in (redirects to an address that is not asked, the start)".to_owned()),
        ("/json", "/json (is application/json, neither a page nor a sitemap, the start)".to_owned()),
        ("/untyped", "/untyped (says not what it is: there is no Content-Type, the start)".to_owned()),
        ("/empty.xml", "/empty.xml (is a sitemap that names nothing, the start)".to_owned()),
        ("/other.xml", "/other.xml (is XML, but no sitemap, the start)".to_owned()),
        ("/map.xml.gz", "/map.xml.gz (is compressed, and that is not read, the start)".to_owned()),
        (
            "/theirs.xml",
            format!("/theirs.xml (is a sitemap of https://www.example.invalid, not of {}, the start)", nginx.url("")),
        ),
    ] {
        fails(
            &sandbox,
            &crawl(&nginx.url(start), "ignore = '/logout'", "'broken < 9'"),
            &format!("there is nothing to follow: {said}\n"),
        );
    }
    let packed = "1 is broken: /map.xml.gz (is compressed, and that is not read, linked from /packed.xml), expected broken == 0\n";
    fails(&sandbox, &crawl(&nginx.url("/packed.xml"), "", "'broken == 0'"), packed);
}

#[test]
fn our_side_failing_is_an_error() {
    let sandbox = Sandbox::new();
    let checks = crawl("https://127.0.0.1:1/", "ca = 'none.pem'", "'broken == 0'");
    smoke(&sandbox, &checks).code(74).stdout_has("it  error  cannot read the certificates in ").any_stderr().check();
}

#[test]
fn what_is_wrong_in_the_file_is_told_with_its_place() {
    let sandbox = Sandbox::new();
    let url = "http://127.0.0.1:1/shop/";
    for (lines, expect, said) in [
        ("depth = 21", "'broken == 0'", "check `it`: `depth` must be a number from 0 to 20"),
        ("pages = 0", "'broken == 0'", "`pages` must be a number from 1 to 10000"),
        ("per_host = 33", "'broken == 0'", "`per_host` must be a number from 1 to 32"),
        ("redirects = 21", "'broken == 0'", "`redirects` must be a number from 0 to 20"),
        ("external = 'on'", "'broken == 0'", "`external` must be \"off\" or \"warn\""),
        ("external = 'warn'\nsocket = 'x'", "'broken == 0'", "behind a `socket` there is nothing `external`"),
        ("ignore = ['logout']", "'broken == 0'", "`ignore` holds beginnings of paths or addresses: "),
        ("ignore = ['/sh']", "'broken == 0'", "`ignore` holds the address where the crawl begins"),
        ("basic = 'me'", "'broken == 0'", "`basic` must be a user and a password"),
        ("method = 'POST'", "'broken == 0'", "`method` is no key of a check of kind crawl"),
        ("", "'broken > 0'", "column 8: expected == or <= or <, found `> 0`"),
        ("", "'status == 200'", "expected broken, pages or time (a crawl check), found `status == 200`"),
        ("", "[]", "it expects nothing; add expect = \"…\": broken, pages or time (a crawl check)"),
    ] {
        refuses(&sandbox, &crawl(url, lines, expect), said);
    }
    let checks = crawl("ftp://127.0.0.1/", "", "'broken == 0'");
    refuses(&sandbox, &checks, "the address must begin with http:// or https://");
    smoke(&sandbox, &crawl(url, "", "'broken == 0'"))
        .arg("--dry-run")
        .stdout_has(format!("{url}, and 2 links on, 100 at most"))
        .check();
}
