;; JSON by its grammar (RFC 8259) over the bytes of one value, without making anything of it: tells whether the value is one
;; JSON object, and where the texts of some of its own fields are. envelope-scan.ts calls it and says what is left to
;; JSON.parse. Assembled by `npm run generate` into envelope-scan-wasm.ts.
;;
;; Memory (wasm-memory.ts), filled by envelope-scan.ts:
;;      0  what is open at each depth, one byte: { or [
;;    128  fields, 16 bytes each: address of the name, its length, and as results where the text begins and its length or -1
;;    512  for each byte, 1: may follow a backslash, 2: is the u of \uXXXX, 4: is a hexadecimal digit
;;    768  names of the fields
;;   1024  the value, if it does not lie elsewhere in the memory; behind it must be at least 16 bytes of 0: no step goes past a
;;         0, so none goes past the value
;;
;; A step takes the address where something begins and gives the one after it, or 0 where the grammar is broken.
(module
  (memory (import "sink" "memory") 2)
  (global $fieldsEnd (export "fieldsEnd") (mut i32) (i32.const 128))
  ;; Entry of the field whose value comes next, 0 for none of those.
  (global $field (mut i32) (i32.const 0))
  (global $hasEscape (mut i32) (i32.const 0))
  (global $hasLineBreak (mut i32) (i32.const 0))

  ;; 0: not an object, or not certain. 1: an object. 3: an object with line breaks between its tokens.
  (func $scan (export "scan") (param $at i32) (param $end i32) (result i32)
    (local $byte i32) (local $depth i32) (local $open i32) (local $start i32) (local $entry i32)
    (global.set $hasLineBreak (i32.const 0))
    (local.set $entry (i32.const 128))
    (block $cleared
      (loop $clear
        (br_if $cleared (i32.ge_u (local.get $entry) (global.get $fieldsEnd)))
        (i32.store offset=12 (local.get $entry) (i32.const -1))
        (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
        (br $clear)))
    (local.set $at (call $space (local.get $at)))
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x7b)) (then (return (i32.const 0))))
    (block $broken
      (loop $value
        (local.set $byte (i32.load8_u (local.get $at)))
        (block $valueEnd
          (if (i32.eq (local.get $byte) (i32.const 0x22)) ;; "
            (then
              (global.set $hasEscape (i32.const 0))
              (local.set $start (i32.add (local.get $at) (i32.const 1)))
              (local.set $at (call $text (local.get $start)))
              (br_if $broken (i32.eqz (local.get $at)))
              (if (global.get $field)
                (then
                  (br_if $broken (global.get $hasEscape))
                  (i32.store offset=8 (global.get $field) (local.get $start))
                  (i32.store offset=12 (global.get $field)
                    (i32.sub (i32.sub (local.get $at) (local.get $start)) (i32.const 1)))
                  (global.set $field (i32.const 0))))
              (br $valueEnd)))
          (if (i32.eq (i32.or (local.get $byte) (i32.const 0x20)) (i32.const 0x7b)) ;; { or [
            (then
              (br_if $broken (i32.eq (local.get $depth) (i32.const 127)))
              (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
              (i32.store8 (local.get $depth) (local.get $byte))
              (local.set $at (i32.add (local.get $at) (i32.const 1)))
              (if (i32.le_u (i32.load8_u (local.get $at)) (i32.const 0x20))
                (then (local.set $at (call $space (local.get $at)))))
              (if (i32.eq (i32.load8_u (local.get $at)) (i32.add (local.get $byte) (i32.const 2)))
                (then ;; Empty. In ASCII, ] is [ + 2 and } is { + 2.
                  (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
                  (local.set $at (i32.add (local.get $at) (i32.const 1)))
                  (br $valueEnd)))
              (global.set $field (i32.const 0))
              (br_if $value (i32.eq (local.get $byte) (i32.const 0x5b)))
              (local.set $at (call $name (local.get $at) (local.get $depth)))
              (br_if $value (local.get $at))
              (br $broken)))
          (local.set $at (call $scalar (local.get $at) (local.get $byte)))
          (br_if $broken (i32.eqz (local.get $at))))
        (loop $afterValue
          (if (i32.le_u (i32.load8_u (local.get $at)) (i32.const 0x20))
            (then (local.set $at (call $space (local.get $at)))))
          (if (i32.eqz (local.get $depth))
            (then
              (return
                (select
                  (i32.or (i32.const 1) (i32.shl (global.get $hasLineBreak) (i32.const 1)))
                  (i32.const 0)
                  (i32.eq (local.get $at) (local.get $end))))))
          (local.set $byte (i32.load8_u (local.get $at)))
          (local.set $open (i32.load8_u (local.get $depth)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (if (i32.eq (local.get $byte) (i32.const 0x2c)) ;; ,
            (then
              (if (i32.le_u (i32.load8_u (local.get $at)) (i32.const 0x20))
                (then (local.set $at (call $space (local.get $at)))))
              (br_if $value (i32.eq (local.get $open) (i32.const 0x5b)))
              (local.set $at (call $name (local.get $at) (local.get $depth)))
              (br_if $value (local.get $at))
              (br $broken)))
          (br_if $broken (i32.ne (local.get $byte) (i32.add (local.get $open) (i32.const 2))))
          (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
          (br $afterValue))))
    (i32.const 0))

  ;; As scan, for a value with something else behind it, which makes room for the zeros meanwhile.
  (func (export "scanInPlace") (param $at i32) (param $end i32) (result i32)
    (local $behind v128) (local $found i32)
    (local.set $behind (v128.load align=1 (local.get $end)))
    (v128.store align=1 (local.get $end) (v128.const i64x2 0 0))
    (local.set $found (call $scan (local.get $at) (local.get $end)))
    (v128.store align=1 (local.get $end) (local.get $behind))
    (local.get $found))

  ;; The name of a member with its colon, up to the value. Only the outermost object's members can be fields.
  (func $name (param $at i32) (param $depth i32) (result i32)
    (local $end i32)
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x22)) (then (return (i32.const 0))))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (global.set $hasEscape (i32.const 0))
    (local.set $end (call $text (local.get $at)))
    (if (i32.eqz (local.get $end)) (then (return (i32.const 0))))
    (global.set $field (i32.const 0))
    (if (i32.eq (local.get $depth) (i32.const 1))
      (then
        ;; An escape may spell a field's name: not certain.
        (if (global.get $hasEscape) (then (return (i32.const 0))))
        (call $findField (local.get $at) (i32.sub (i32.sub (local.get $end) (local.get $at)) (i32.const 1)))))
    (if (i32.le_u (i32.load8_u (local.get $end)) (i32.const 0x20))
      (then (local.set $end (call $space (local.get $end)))))
    (if (i32.ne (i32.load8_u (local.get $end)) (i32.const 0x3a)) (then (return (i32.const 0)))) ;; :
    (local.set $end (i32.add (local.get $end) (i32.const 1)))
    (if (i32.le_u (i32.load8_u (local.get $end)) (i32.const 0x20)) (then (return (call $space (local.get $end)))))
    (local.get $end))

  ;; Of members with the same name the last one counts, whatever its value is.
  (func $findField (param $at i32) (param $length i32)
    (local $entry i32) (local $i i32)
    (local.set $entry (i32.const 128))
    (loop $next
      (if (i32.ge_u (local.get $entry) (global.get $fieldsEnd)) (then (return)))
      (block $differs
        (br_if $differs (i32.ne (i32.load offset=4 (local.get $entry)) (local.get $length)))
        (local.set $i (i32.const 0))
        (loop $compare
          (if (i32.lt_u (local.get $i) (local.get $length))
            (then
              (br_if $differs
                (i32.ne
                  (i32.load8_u (i32.add (local.get $at) (local.get $i)))
                  (i32.load8_u (i32.add (i32.load (local.get $entry)) (local.get $i)))))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br $compare))))
        (i32.store offset=12 (local.get $entry) (i32.const -1))
        (global.set $field (local.get $entry))
        (return))
      (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
      (br $next)))

  ;; The rest of a string behind its opening quote, 16 bytes at a time. Bytes over 0x7f are not looked at: JSON.parse takes
  ;; them for some character even where they are not UTF-8.
  (func $text (param $at i32) (result i32)
    (local $bytes v128) (local $found i32) (local $kind i32)
    (loop $next
      (local.set $bytes (v128.load align=1 (local.get $at)))
      (local.set $found
        (i8x16.bitmask
          (v128.or
            (i8x16.lt_u (local.get $bytes) (v128.const i8x16 32 32 32 32 32 32 32 32 32 32 32 32 32 32 32 32))
            (v128.or
              (i8x16.eq (local.get $bytes) (v128.const i8x16 34 34 34 34 34 34 34 34 34 34 34 34 34 34 34 34))
              (i8x16.eq (local.get $bytes) (v128.const i8x16 92 92 92 92 92 92 92 92 92 92 92 92 92 92 92 92))))))
      (if (i32.eqz (local.get $found))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next)))
      (local.set $at (i32.add (local.get $at) (i32.ctz (local.get $found))))
      (local.set $found (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.eq (local.get $found) (i32.const 0x22)) (then (return (local.get $at))))
      (if (i32.ne (local.get $found) (i32.const 0x5c)) (then (return (i32.const 0)))) ;; a control character
      (global.set $hasEscape (i32.const 1))
      (local.set $kind (call $kindOf (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.and (local.get $kind) (i32.const 1)))
      (if (i32.eqz (i32.and (local.get $kind) (i32.const 2))) (then (return (i32.const 0))))
      (local.set $kind
        (i32.and
          (i32.and (call $kindOf (local.get $at)) (call $kindOf (i32.add (local.get $at) (i32.const 1))))
          (i32.and
            (call $kindOf (i32.add (local.get $at) (i32.const 2)))
            (call $kindOf (i32.add (local.get $at) (i32.const 3))))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $next (i32.and (local.get $kind) (i32.const 4))))
    (i32.const 0))

  (func $kindOf (param $at i32) (result i32)
    (i32.load8_u offset=512 (i32.load8_u (local.get $at))))

  ;; A number, true, false or null.
  (func $scalar (param $at i32) (param $byte i32) (result i32)
    (if (i32.lt_u (local.get $byte) (i32.const 0x3a)) (then (return (call $number (local.get $at) (local.get $byte)))))
    (if (i32.eq (i32.load align=1 (local.get $at)) (i32.const 0x65757274)) ;; true, little-endian
      (then (return (i32.add (local.get $at) (i32.const 4)))))
    (if (i32.eq (i32.load align=1 (local.get $at)) (i32.const 0x6c6c756e)) ;; null
      (then (return (i32.add (local.get $at) (i32.const 4)))))
    (if (i32.eq (i32.load align=1 (local.get $at)) (i32.const 0x736c6166)) ;; fals
      (then
        (if (i32.eq (i32.load8_u offset=4 (local.get $at)) (i32.const 0x65))
          (then (return (i32.add (local.get $at) (i32.const 5)))))))
    (i32.const 0))

  ;; [-] (0 | 1-9 digits) [. digits] [e [+ | -] digits]
  (func $number (param $at i32) (param $byte i32) (result i32)
    (if (i32.eq (local.get $byte) (i32.const 0x2d)) ;; -
      (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x30))
      (then (local.set $at (i32.add (local.get $at) (i32.const 1))))
      (else
        (local.set $at (call $digits (local.get $at)))
        (if (i32.eqz (local.get $at)) (then (return (i32.const 0))))))
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2e)) ;; .
      (then
        (local.set $at (call $digits (i32.add (local.get $at) (i32.const 1))))
        (if (i32.eqz (local.get $at)) (then (return (i32.const 0))))))
    (if (i32.eq (i32.or (i32.load8_u (local.get $at)) (i32.const 0x20)) (i32.const 0x65)) ;; e or E
      (then
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $byte (i32.load8_u (local.get $at)))
        (if (i32.or (i32.eq (local.get $byte) (i32.const 0x2b)) (i32.eq (local.get $byte) (i32.const 0x2d)))
          (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
        (return (call $digits (local.get $at)))))
    (local.get $at))

  ;; One digit or more, 16 at a time.
  (func $digits (param $at i32) (result i32)
    (local $count i32)
    (local.set $count (call $digitsIn (local.get $at)))
    (if (i32.eqz (local.get $count)) (then (return (i32.const 0))))
    (loop $next
      (local.set $at (i32.add (local.get $at) (local.get $count)))
      (if (i32.eq (local.get $count) (i32.const 16))
        (then
          (local.set $count (call $digitsIn (local.get $at)))
          (br $next))))
    (local.get $at))

  (func $digitsIn (param $at i32) (result i32)
    (i32.ctz
      (i32.xor
        (i32.const 0x1ffff)
        (i8x16.bitmask
          (i8x16.lt_u
            (i8x16.sub
              (v128.load align=1 (local.get $at))
              (v128.const i8x16 48 48 48 48 48 48 48 48 48 48 48 48 48 48 48 48))
            (v128.const i8x16 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10))))))

  (func $space (param $at i32) (result i32)
    (local $byte i32)
    (loop $next
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.gt_u (local.get $byte) (i32.const 0x20)) (then (return (local.get $at))))
      (if (i32.or (i32.eq (local.get $byte) (i32.const 0x0a)) (i32.eq (local.get $byte) (i32.const 0x0d)))
        (then (global.set $hasLineBreak (i32.const 1)))
        (else
          (if (i32.ne (local.get $byte) (i32.const 0x20))
            (then
              (if (i32.ne (local.get $byte) (i32.const 0x09)) (then (return (local.get $at))))))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    (unreachable))
)
