;; A plugin as toolchains make them: `configure` and `on-request-head` of the contract, lifted from a core
;; module, each exported by an instance with its types. In memory that is all zero, 0 is where
;; `ok({ tick-ms: none })` stands, and `ok(next)`. The names in braces are what a case puts there.
(component
  (core module $guest
    {memory}
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 2048)
    (func $configure (export "configure") (param i32 i32) (result i32) {configure})
    (func $handle (export "handle") (result i32) {handle})
    {module}
  )
  (core instance $guest (instantiate $guest))
  (alias core export $guest "memory" (core memory $memory))
  (alias core export $guest "realloc" (core func $realloc))

  (component $configure
    (type $setup (record (field "tick-ms" (option u32))))
    (type $wrong (record (field "path" (list string)) (field "message" string)))
    (import "setup" (type $s (eq $setup)))
    (import "setting-error" (type $w (eq $wrong)))
    (import "configure" (func $f (param "settings" string) (result (result $s (error (list $w))))))
    (export $s2 "setup" (type $setup))
    (export $w2 "setting-error" (type $wrong))
    (export "configure" (func $f) (func (param "settings" string) (result (result $s2 (error (list $w2)))))))
  (type $setup (record (field "tick-ms" (option u32))))
  (type $wrong (record (field "path" (list string)) (field "message" string)))
  (func $c (param "settings" string) (result (result $setup (error (list $wrong))))
    (canon lift (core func $guest "configure") (memory $memory) (realloc $realloc)))
  (instance $configured (instantiate $configure
    (with "setup" (type $setup)) (with "setting-error" (type $wrong)) (with "configure" (func $c))))
  (export "torana:plugin/configure@0.1.0" (instance $configured))

  (type $header (record (field "name" string) (field "value" string)))
  (type $content (variant (case "empty") (case "text" string) (case "bytes" (list u8))))
  (type $reply (record (field "status" u16) (field "headers" (list $header)) (field "body" $content)))
  (type $action (variant (case "next") (case "respond" $reply)))
  (type $failure (record (field "client" string) (field "log" string)))
  (component $hook
    (type $header (record (field "name" string) (field "value" string)))
    (type $content (variant (case "empty") (case "text" string) (case "bytes" (list u8))))
    (import "header" (type $h (eq $header)))
    (import "content" (type $c (eq $content)))
    (type $reply (record (field "status" u16) (field "headers" (list $h)) (field "body" $c)))
    (import "reply" (type $r (eq $reply)))
    (type $action (variant (case "next") (case "respond" $r)))
    (import "action" (type $a (eq $action)))
    (type $failure (record (field "client" string) (field "log" string)))
    (import "failure" (type $f (eq $failure)))
    (import "handle" (func $handle (result (result $a (error $f)))))
    (export $h2 "header" (type $header))
    (export $c2 "content" (type $content))
    (type $reply2 (record (field "status" u16) (field "headers" (list $h2)) (field "body" $c2)))
    (export $r2 "reply" (type $reply2))
    (type $action2 (variant (case "next") (case "respond" $r2)))
    (export $a2 "action" (type $action2))
    (export $f2 "failure" (type $failure))
    (export "handle" (func $handle) (func (result (result $a2 (error $f2))))))
  (func $handle (result (result $action (error $failure)))
    (canon lift (core func $guest "handle") (memory $memory)))
  (instance $hooked (instantiate $hook
    (with "header" (type $header)) (with "content" (type $content)) (with "reply" (type $reply))
    (with "action" (type $action)) (with "failure" (type $failure)) (with "handle" (func $handle))))
  (export "torana:plugin/on-request-head@0.1.0" (instance $hooked))
  {around}
)
