//! Envelopes and faults.

use super::{options, without_declaration};
use crate::{
    convert::{Namespaces, Options},
    error::Error,
    output::collect,
    soap::Version,
    translate::{Message, Soap, Translated, Translation},
};

const V11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const V12: &str = "http://www.w3.org/2003/05/soap-envelope";

fn translation(version: Option<Version>) -> Translation {
    let understood = vec!["urn:known".to_owned()];
    let options = Options { namespaces: Namespaces::Strip, ..options() };
    Translation { options, soap: Some(Soap { version, action: String::new(), understood }) }
}

fn open(
    translation: &Translation,
    envelope: &str,
    content_type: &str,
    status: Option<u16>,
) -> Result<(String, Translated), Error> {
    let mut translated = Translated::default();
    let message = Message { content_type, status };
    let json = collect(usize::MAX, |out| {
        translated = translation.to_json(envelope.into(), message, out)?;
        Ok(())
    })?;
    Ok((json, translated))
}

fn close(json: &str, version: Version, content_type: &str, status: u16) -> (String, Translated) {
    close_as(&translation(None), json, version, content_type, status)
}

fn close_as(
    translation: &Translation,
    json: &str,
    version: Version,
    content_type: &str,
    status: u16,
) -> (String, Translated) {
    let mut translated = Translated::default();
    let message = Message { content_type, status: Some(status) };
    let document = collect(usize::MAX, |out| {
        translated = translation.to_xml(json.into(), message, version, out)?;
        Ok(())
    });
    (without_declaration(&document.expect("an envelope")).to_owned(), translated)
}

fn envelope(uri: &str, header: &str, body: &str) -> String {
    format!("<e:Envelope xmlns:e='{uri}'>{header}<e:Body>{body}</e:Body></e:Envelope>")
}

#[test]
fn the_content_of_the_body_is_the_document() {
    let any = translation(None);
    for (uri, version) in [(V11, Version::V11), (V12, Version::V12)] {
        let document = envelope(uri, "<e:Header><h/></e:Header>", "<m:Get xmlns:m='u'>1</m:Get>");
        let (json, translated) = open(&any, &document, "application/xml", None).unwrap();
        assert_eq!(json, r#"{"Get":"1"}"#);
        assert_eq!(translated.version, Some(version));
    }
    let (json, _) = open(&any, &envelope(V11, "", ""), "text/xml", None).unwrap();
    assert_eq!(json, "{}");
    let (json, _) = open(&any, &envelope(V11, "", "<a/><b/>"), "text/xml", None).unwrap();
    assert_eq!(json, r#"{"a":null,"b":null}"#);
}

#[test]
fn what_is_no_envelope_is_refused() {
    let any = translation(None);
    for (document, why) in [
        ("<a/>".to_owned(), "not a SOAP `Envelope`"),
        (envelope("urn:other", "", ""), "the envelope is not SOAP 1.1 or 1.2"),
        (format!("<Envelope xmlns='{V11}'/>"), "has no `Body`"),
        (format!("<Envelope xmlns='{V11}'><Body xmlns=''/></Envelope>"), "has no `Body`"),
        (format!("<Envelope xmlns='{V11}'><Body/><Header/></Envelope>"), "second `Body` or `H"),
        (format!("<Envelope xmlns='{V11}'><Body/><Body/></Envelope>"), "second `Body` or `H"),
        (format!("<Envelope xmlns='{V11}'><x/><Body/></Envelope>"), "not at its place"),
    ] {
        let error = open(&any, &document, "text/xml", None).unwrap_err().to_string();
        assert!(error.contains(why), "{document}: {error}");
    }
    let only = translation(Some(Version::V12));
    let error = open(&only, &envelope(V11, "", ""), "application/soap+xml", None).unwrap_err();
    assert!(matches!(error, Error::VersionMismatch(_)), "{error}");
    let error = open(&any, &envelope(V11, "", ""), "application/soap+xml", None).unwrap_err();
    assert!(matches!(error, Error::NotConvertible(_)), "{error}");
}

#[test]
fn mandatory_headers_must_be_understood() {
    let any = translation(None);
    let header = |uri, attributes: &str| {
        let header = format!("<e:Header><h:x xmlns:h='urn:unknown' {attributes}/></e:Header>");
        envelope(uri, &header, "<a/>")
    };
    let next_11 = "e:actor='http://schemas.xmlsoap.org/soap/actor/next'";
    let next_12 = "e:role='http://www.w3.org/2003/05/soap-envelope/role/next'";
    for document in [
        header(V11, "e:mustUnderstand='1'"),
        header(V12, "e:mustUnderstand='true'"),
        header(V11, &format!("e:mustUnderstand='1' {next_11}")),
        header(V12, &format!("e:mustUnderstand='1' {next_12}")),
        header(V12, "e:mustUnderstand='1' e:role=''"),
    ] {
        let error = open(&any, &document, "application/xml", None).unwrap_err();
        assert!(matches!(error, Error::MustUnderstand(_)), "{document}: {error}");
    }
    for document in [
        header(V11, "e:mustUnderstand='0'"),
        header(V11, "e:mustUnderstand='1' e:actor='urn:somebody'"),
        header(V12, "e:mustUnderstand='1' e:role='urn:somebody'"),
        header(V11, "e:mustUnderstand='1'").replace("urn:unknown", "urn:known"),
    ] {
        assert!(open(&any, &document, "application/xml", None).is_ok(), "{document}");
    }
}

#[test]
fn kept_prefixes_are_declared_where_they_go() {
    let mut keep = translation(None);
    keep.options.namespaces = Namespaces::Keep;
    let document = format!(
        "<e:Envelope xmlns:e='{V11}' xmlns:m='u' xmlns='d'><e:Body xmlns:n='v'>\
         <m:a n:b='1' xmlns='o'/></e:Body></e:Envelope>"
    );
    let (json, _) = open(&keep, &document, "text/xml", None).unwrap();
    assert_eq!(json, r#"{"m:a":{"@xmlns:m":"u","@xmlns:n":"v","@n:b":"1","@xmlns":"o"}}"#);
}

#[test]
fn the_prefix_of_soap_is_declared_where_it_is_used() {
    let mut keep = translation(None);
    keep.options.namespaces = Namespaces::Keep;
    let style = "e:encodingStyle='urn:style'";
    let body = format!("<m:add xmlns:m='u' {style}><m:x {style}/></m:add><n><e:x/></n><o/>");
    let (json, _) = open(&keep, &envelope(V11, "", &body), "text/xml", None).unwrap();
    assert_eq!(
        json,
        format!(
            r#"{{"m:add":{{"@xmlns:e":"{V11}","@xmlns:m":"u","@e:encodingStyle":"urn:style","m:x":{{"@e:encodingStyle":"urn:style"}}}},"n":{{"@xmlns:e":"{V11}","e:x":null}},"o":null}}"#
        )
    );
    let (document, _) = close_as(&keep, &json, Version::V11, "application/json", 200);
    let (again, _) = open(&keep, &document, "text/xml", None).unwrap();
    assert_eq!(again, json, "what came out can go back");
}

#[test]
fn a_fault_is_a_problem() {
    let any = translation(None);
    let v11 = "<e:Fault><faultcode>e:Client.Auth</faultcode><faultstring> No &quot;way&quot;&#160;\
               </faultstring><faultactor>urn:x</faultactor><detail><m:why xmlns:m='u'>7</m:why>\
               </detail></e:Fault>";
    let (json, translated) = open(&any, &envelope(V11, "", v11), "text/xml", Some(500)).unwrap();
    assert_eq!(
        json,
        r#"{"type":"urn:torana:problem:soap-fault","title":"SOAP fault","status":400,"detail":"No \"way\" ","code":"Client.Auth","actor":"urn:x","fault":{"why":"7"}}"#
    );
    assert_eq!(translated.status, Some(400));
    assert_eq!(translated.media_type, Some("application/problem+json"));

    let v12 = "<e:Fault><e:Code><e:Value>e:Receiver</e:Value><e:Subcode><e:Value>m:Busy</e:Value>\
               </e:Subcode></e:Code><e:Reason><e:Text xml:lang='en'>Later</e:Text></e:Reason>\
               </e:Fault>";
    let document = envelope(V12, "", v12);
    let (json, translated) = open(&any, &document, "application/soap+xml", Some(503)).unwrap();
    assert_eq!(
        json,
        r#"{"type":"urn:torana:problem:soap-fault","title":"SOAP fault","status":503,"detail":"Later","code":"Receiver.Busy"}"#
    );
    assert_eq!(translated.status, Some(503));

    let (_, translated) = open(&any, &document, "application/soap+xml", Some(200)).unwrap();
    assert_eq!(translated.status, Some(500), "a fault is no success");
}

#[test]
fn a_problem_is_a_fault() {
    let problem = r#"{"type":"urn:x","title":"Gone","status":404,"detail":"No <order> 7"}"#;
    let (document, translated) = close(problem, Version::V11, "application/problem+json", 404);
    assert_eq!(
        document,
        format!(
            "<soap:Envelope xmlns:soap=\"{V11}\"><soap:Body><soap:Fault>\
             <faultcode>soap:Client</faultcode><faultstring>No &lt;order&gt; 7</faultstring>\
             <detail><problem xmlns=\"urn:ietf:rfc:7807\"><type>urn:x</type><title>Gone</title>\
             <status>404</status><detail>No &lt;order&gt; 7</detail></problem></detail>\
             </soap:Fault></soap:Body></soap:Envelope>"
        )
    );
    assert_eq!(translated.status, Some(500));

    let (document, translated) =
        close(r#"{"error":"down"}"#, Version::V12, "application/json", 503);
    assert_eq!(
        document,
        format!(
            "<soap:Envelope xmlns:soap=\"{V12}\"><soap:Body><soap:Fault><soap:Code>\
             <soap:Value>soap:Receiver</soap:Value></soap:Code><soap:Reason>\
             <soap:Text xml:lang=\"en\">down</soap:Text></soap:Reason>\
             <soap:Detail><error>down</error></soap:Detail>\
             </soap:Fault></soap:Body></soap:Envelope>"
        )
    );
    assert_eq!(translated.status, Some(500));

    let (document, translated) = close(r#"{"a b":1}"#, Version::V12, "application/json", 400);
    assert!(document.contains("HTTP 400") && !document.contains("Detail"), "{document}");
    assert_eq!(translated.status, Some(400));
}

#[test]
fn a_document_is_the_content_of_a_body() {
    let (document, translated) =
        close(r#"{"a":1,"b":[2,3]}"#, Version::V12, "application/json", 200);
    assert_eq!(
        document,
        format!(
            "<soap:Envelope xmlns:soap=\"{V12}\"><soap:Body><a>1</a><b>2</b><b>3</b></soap:Body>\
             </soap:Envelope>"
        )
    );
    assert_eq!(translated, Translated::default());
    assert!(
        close("{}", Version::V11, "application/json", 200).0.contains("<soap:Body></soap:Body>")
    );
}
