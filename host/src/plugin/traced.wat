;; Divides by zero. `traced.wasm` is this with debug information (crate `wat`, `GenerateDwarf::Lines`),
;; which no test can make itself: it would turn on features of the runtime's dependencies.
(module
  (func $divide (result i32)
    i32.const 1
    i32.const 0
    i32.div_s)
  (func (export "run") (result i32)
    call $divide))
