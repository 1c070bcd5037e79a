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
;;
;; `scan` is one function that calls nothing in its loop over tokens: V8 keeps what lives across a call in memory, and an event has
;; a token every seven bytes. What is rare leaves the loop by a `br`, is done with calls, and comes back to the place that $place names:
;;   0 a member, or an element of a list    1 closing quote of a name    2 colon    3 value
;;   4 closing quote of a text              5 behind { or [              6 behind a value
;; Nor does it search for the end of each string, as each search would wait for the one before. As in simdjson (Langdale and Lemire,
;; Parsing Gigabytes of JSON per Second, 2019) 64 bytes are compared at once, into a bit for each byte that can stop a string.
(module
  (memory (import "sink" "memory") 2)
  (global $fieldsEnd (export "fieldsEnd") (mut i32) (i32.const 128))
  (global $hasEscape (mut i32) (i32.const 0))
  (global $hasLineBreak (mut i32) (i32.const 0))

  ;; 0: not an object, or not certain. 1: an object. 3: an object with line breaks between its tokens.
  (func $scan (export "scan") (param $at i32) (param $end i32) (result i32)
    (local $place i32) (local $byte i32) (local $depth i32) (local $open i32)
    ;; Entry of the field whose value comes next, 0 for none of those.
    (local $field i32)
    ;; Where the text of a string begins.
    (local $start i32)
    ;; Bit n: the byte at $window + n stops a string. What lies before $at is cleared, so the lowest bit is the next one.
    (local $stops i64) (local $window i32)
    (local $others i32) (local $length i32) (local $word i32) (local $isFalse i32) (local $next i32)
    (call $clearFields)
    (global.set $hasLineBreak (i32.const 0))
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x7b))
      (then
        (local.set $at (call $space (local.get $at)))
        (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x7b)) (then (return (i32.const 0))))))
    (local.set $place (i32.const 3))
    (block $closed
      (block $broken
        (loop $resume
          (block $textGoesOn
            (block $windowEnds
              (block $unusualNumber
                (block $outermostName
                  (block $space
                    (loop $token
                      (block $behindValue
                        (block $behindOpen
                          (block $textEnd
                            (block $value
                              (block $colon
                                (block $nameEnd
                                  (block $member
                                    (br_if $member (i32.eqz (local.get $place)))
                                    (br_table $member $nameEnd $colon $value $textEnd $behindOpen $behindValue
                                      (local.get $place)))
                                  (br_if $value (i32.eq (local.get $open) (i32.const 0x5b)))
                                  (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x22)) ;; "
                                    (then
                                      (local.set $place (i32.const 0))
                                      (br_if $space (i32.ne (i32.load16_u align=1 (local.get $at)) (i32.const 0x2220)))
                                      (local.set $at (i32.add (local.get $at) (i32.const 1)))))
                                  ;; The opening quote is the lowest stop; the one after it closes the string, or $textGoesOn.
                                  ;; Neither waits for where the token before it ended.
                                  (local.set $start (i32.add (local.get $at) (i32.const 1)))
                                  (local.set $place (i32.const 1))
                                  (local.set $stops (i64.and (local.get $stops) (i64.sub (local.get $stops) (i64.const 1))))
                                  (br_if $windowEnds (i64.eqz (local.get $stops)))
                                  (local.set $at (i32.add (local.get $window) (i32.wrap_i64 (i64.ctz (local.get $stops)))))
                                  (local.set $stops (i64.and (local.get $stops) (i64.sub (local.get $stops) (i64.const 1))))
                                  (if (i32.eq (i32.load16_u align=1 (local.get $at)) (i32.const 0x3a22)) ;; ":
                                    (then
                                      (br_if $outermostName (i32.eq (local.get $depth) (i32.const 1)))
                                      (local.set $at (i32.add (local.get $at) (i32.const 2)))
                                      (br $value)))
                                  (br_if $textGoesOn (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x22)))
                                ) ;; $nameEnd. Only the outermost object's members can be fields.
                                (br_if $outermostName (i32.eq (local.get $depth) (i32.const 1)))
                                (local.set $at (i32.add (local.get $at) (i32.const 1))))
                              ;; $colon
                              (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x3a))
                                (then (local.set $place (i32.const 2)) (br $space)))
                              (local.set $at (i32.add (local.get $at) (i32.const 1))))
                            ;; $value
                            (local.set $byte (i32.load8_u (local.get $at)))
                            (if (i32.eq (local.get $byte) (i32.const 0x20))
                              (then
                                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                                (local.set $byte (i32.load8_u (local.get $at)))))
                            (if (i32.ne (local.get $byte) (i32.const 0x22))
                              (then
                                (if (i32.le_u (i32.sub (local.get $byte) (i32.const 0x2d)) (i32.const 12)) ;; - . / 0 to 9
                                  (then
                                    ;; A number of less than 16 bytes, by the run of digits that it begins with and the one behind its point.
                                    ;; How long they are is no branch, which would be guessed wrong as often as lengths differ.
                                    (local.set $start (local.get $at))
                                    (if (i32.eq (local.get $byte) (i32.const 0x2d))
                                      (then
                                        (local.set $start (i32.add (local.get $at) (i32.const 1)))
                                        (local.set $byte (i32.load8_u (local.get $start)))))
                                    ;; 0 to 9 become 118 to 127, the greatest there are with a sign. A bit for each byte that is none.
                                    (local.set $others
                                      (i32.xor
                                        (i32.const -1)
                                        (i8x16.bitmask
                                          (i8x16.gt_s
                                            (i8x16.add
                                              (v128.load align=1 (local.get $start))
                                              (v128.const i8x16 70 70 70 70 70 70 70 70 70 70 70 70 70 70 70 70))
                                            (v128.const i8x16 117 117 117 117 117 117 117 117 117 117 117 117 117 117 117 117)))))
                                    (local.set $length (i32.ctz (local.get $others)))
                                    (br_if $unusualNumber
                                      (i32.or
                                        (i32.eqz (local.get $length))
                                        (i32.and
                                          (i32.eq (local.get $byte) (i32.const 0x30))
                                          (i32.ne (local.get $length) (i32.const 1)))))
                                    (local.set $next (i32.add (local.get $start) (local.get $length)))
                                    (if (i32.eq (i32.load8_u (local.get $next)) (i32.const 0x2e))
                                      (then
                                        (local.set $length (i32.add (local.get $length) (i32.const 1)))
                                        (local.set $others (i32.shr_u (local.get $others) (local.get $length)))
                                        (br_if $unusualNumber (i32.and (local.get $others) (i32.const 1)))
                                        (local.set $length (i32.add (local.get $length) (i32.ctz (local.get $others))))
                                        (local.set $next (i32.add (local.get $start) (local.get $length)))))
                                    (br_if $unusualNumber (i32.ge_u (local.get $length) (i32.const 16)))
                                    (local.set $at (local.get $next))
                                    (br $behindValue)))
                                (if (i32.eq (i32.or (local.get $byte) (i32.const 0x20)) (i32.const 0x7b)) ;; { or [
                                  (then
                                    (br_if $broken (i32.eq (local.get $depth) (i32.const 127)))
                                    (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
                                    (i32.store8 (local.get $depth) (local.get $byte))
                                    (local.set $open (local.get $byte))
                                    (local.set $field (i32.const 0))
                                    (local.set $at (i32.add (local.get $at) (i32.const 1)))
                                    (br $behindOpen)))
                                (local.set $word (i32.load align=1 (local.get $at)))
                                (local.set $isFalse
                                  (i32.and
                                    (i32.eq (local.get $byte) (i32.const 0x66))
                                    (i32.eq
                                      (i32.load offset=1 align=1 (local.get $at))
                                      (i32.const 0x65736c61)))) ;; alse, little-endian
                                (if
                                  (i32.eqz
                                    (i32.or
                                      (local.get $isFalse)
                                      (i32.or
                                        (i32.eq (local.get $word) (i32.const 0x65757274)) ;; true
                                        (i32.eq (local.get $word) (i32.const 0x6c6c756e))))) ;; null
                                  (then (local.set $place (i32.const 3)) (br $space)))
                                (local.set $at (i32.add (local.get $at) (i32.add (local.get $isFalse) (i32.const 4))))
                                (br $behindValue)))
                            (local.set $start (i32.add (local.get $at) (i32.const 1)))
                            (local.set $place (i32.const 4))
                            (local.set $stops (i64.and (local.get $stops) (i64.sub (local.get $stops) (i64.const 1))))
                            (br_if $windowEnds (i64.eqz (local.get $stops)))
                            (local.set $at (i32.add (local.get $window) (i32.wrap_i64 (i64.ctz (local.get $stops)))))
                            (local.set $stops (i64.and (local.get $stops) (i64.sub (local.get $stops) (i64.const 1))))
                            (br_if $textGoesOn (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x22)))
                          ) ;; $textEnd
                          (if (local.get $field)
                            (then
                              (i32.store offset=8 (local.get $field) (local.get $start))
                              (i32.store offset=12 (local.get $field) (i32.sub (local.get $at) (local.get $start)))
                              (local.set $field (i32.const 0))))
                          (local.set $at (i32.add (local.get $at) (i32.const 1)))
                          (br $behindValue))
                        ;; $behindOpen
                        (local.set $byte (i32.load8_u (local.get $at)))
                        ;; In ASCII, ] is [ + 2 and } is { + 2.
                        (if (i32.ne (local.get $byte) (i32.add (local.get $open) (i32.const 2)))
                          (then
                            (local.set $place (i32.const 5))
                            (br_if $space (i32.le_u (local.get $byte) (i32.const 0x20)))
                            (local.set $place (i32.const 0))
                            (br $token))))
                      ;; $behindValue
                      (loop $close
                        (local.set $byte (i32.load8_u (local.get $at)))
                        (if (i32.eq (local.get $byte) (i32.const 0x2c)) ;; ,
                          (then
                            (local.set $at (i32.add (local.get $at) (i32.const 1)))
                            (local.set $place (i32.const 0))
                            (br $token)))
                        (if (i32.ne (local.get $byte) (i32.add (local.get $open) (i32.const 2)))
                          (then (local.set $place (i32.const 6)) (br $space)))
                        (local.set $at (i32.add (local.get $at) (i32.const 1)))
                        (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
                        (local.set $open (i32.load8_u (local.get $depth)))
                        (br_if $close (local.get $depth)))
                      (br $closed)))
                  ;; $space: what should come does not, unless white space is before it, or an exponent behind a number.
                  (local.set $next
                    (if (result i32)
                      (i32.and
                        (i32.eq (local.get $place) (i32.const 6))
                        (i32.eq (i32.or (i32.load8_u (local.get $at)) (i32.const 0x20)) (i32.const 0x65)))
                      (then (call $exponent (local.get $at)))
                      (else (call $space (local.get $at)))))
                  (br_if $broken (i32.le_u (local.get $next) (local.get $at)))
                  (local.set $at (local.get $next))
                  (local.set $stops (call $from (local.get $at) (local.get $stops) (local.get $window)))
                  (br $resume))
                ;; $outermostName
                (local.set $field (call $fieldOf (local.get $start) (i32.sub (local.get $at) (local.get $start))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (local.set $place (i32.const 2))
                (br $resume))
              ;; $unusualNumber
              (local.set $at (call $number (local.get $at)))
              (local.set $place (i32.const 6))
              (br_if $resume (local.get $at))
              (br $broken))
            ;; $windowEnds: the next window begins at this string, but ends with the zeros behind the value.
            (local.set $next (i32.sub (local.get $end) (i32.const 48)))
            (local.set $window
              (select (local.get $at) (local.get $next) (i32.lt_u (local.get $at) (local.get $next))))
            (local.set $stops
              (call $from (local.get $start) (call $stopsIn64 (local.get $window)) (local.get $window)))
            (local.set $at (i32.add (local.get $window) (i32.wrap_i64 (i64.ctz (local.get $stops)))))
            (local.set $stops (i64.and (local.get $stops) (i64.sub (local.get $stops) (i64.const 1))))
            (br_if $resume (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x22))))
          ;; $textGoesOn: an escape, a control character, or a text longer than the window.
          (global.set $hasEscape (i32.const 0))
          (local.set $at (call $text (local.get $at)))
          (br_if $broken (i32.eqz (local.get $at)))
          ;; An escape may spell a field's name, and would have to be undone in a field's text: not certain.
          (br_if $broken
            (i32.and
              (global.get $hasEscape)
              (select
                (i32.eq (local.get $depth) (i32.const 1))
                (i32.ne (local.get $field) (i32.const 0))
                (i32.eq (local.get $place) (i32.const 1)))))
          (local.set $stops (call $from (local.get $at) (local.get $stops) (local.get $window)))
          (local.set $at (i32.sub (local.get $at) (i32.const 1)))
          (br $resume)))
      (return (i32.const 0)))
    ;; $closed
    (if (i32.ne (local.get $at) (local.get $end)) (then (local.set $at (call $space (local.get $at)))))
    (select
      (i32.or (i32.const 1) (i32.shl (global.get $hasLineBreak) (i32.const 1)))
      (i32.const 0)
      (i32.eq (local.get $at) (local.get $end))))

  ;; As scan, for a value with something else behind it, which makes room for the zeros meanwhile.
  (func (export "scanInPlace") (param $at i32) (param $end i32) (result i32)
    (local $behind v128) (local $found i32)
    (local.set $behind (v128.load align=1 (local.get $end)))
    (v128.store align=1 (local.get $end) (v128.const i64x2 0 0))
    (local.set $found (call $scan (local.get $at) (local.get $end)))
    (v128.store align=1 (local.get $end) (local.get $behind))
    (local.get $found))

  (func $clearFields
    (local $entry i32)
    (local.set $entry (i32.const 128))
    (block $cleared
      (loop $clear
        (br_if $cleared (i32.ge_u (local.get $entry) (global.get $fieldsEnd)))
        (i32.store offset=12 (local.get $entry) (i32.const -1))
        (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
        (br $clear))))

  ;; Entry of the field with this name, 0 for none. Of members with the same name the last one counts, whatever its value is.
  (func $fieldOf (param $at i32) (param $length i32) (result i32)
    (local $entry i32) (local $compared i32) (local $same i32)
    (local.set $entry (i32.const 128))
    (loop $next
      (if (i32.ge_u (local.get $entry) (global.get $fieldsEnd)) (then (return (i32.const 0))))
      (if (i32.eq (i32.load offset=4 (local.get $entry)) (local.get $length))
        (then
          (local.set $compared (i32.const 0))
          (loop $compare
            (local.set $same
              (i32.ctz
                (i32.xor
                  (i32.const -1)
                  (i8x16.bitmask
                    (i8x16.eq
                      (v128.load align=1 (i32.add (local.get $at) (local.get $compared)))
                      (v128.load align=1 (i32.add (i32.load (local.get $entry)) (local.get $compared))))))))
            (local.set $compared (i32.add (local.get $compared) (local.get $same)))
            (if (i32.ge_u (local.get $compared) (local.get $length))
              (then
                (i32.store offset=12 (local.get $entry) (i32.const -1))
                (return (local.get $entry))))
            (br_if $compare (i32.eq (local.get $same) (i32.const 16))))))
      (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
      (br $next))
    (unreachable))

  ;; The stops of a window, without those before $at.
  (func $from (param $at i32) (param $stops i64) (param $window i32) (result i64)
    (local.set $at (i32.sub (local.get $at) (local.get $window)))
    (select
      (i64.and (local.get $stops) (i64.shl (i64.const -1) (i64.extend_i32_u (local.get $at))))
      (i64.const 0)
      (i32.lt_u (local.get $at) (i32.const 64))))

  ;; A bit for each quote, backslash and control character. Bytes over 0x7f are not looked at: JSON.parse takes them for some
  ;; character even where they are not UTF-8. The constants are locals because V8 makes them anew wherever they stand.
  (func $stopsIn64 (param $at i32) (result i64)
    (local $bytes v128) (local $control v128) (local $quote v128) (local $backslash v128)
    (local.set $control (v128.const i8x16 31 31 31 31 31 31 31 31 31 31 31 31 31 31 31 31))
    (local.set $quote (v128.const i8x16 34 34 34 34 34 34 34 34 34 34 34 34 34 34 34 34))
    (local.set $backslash (v128.const i8x16 92 92 92 92 92 92 92 92 92 92 92 92 92 92 92 92))
    (i64.or
      (i64.extend_i32_u
        (i32.or
          (i8x16.bitmask
            (v128.or
              (i8x16.eq
                (i8x16.min_u
                  (local.tee $bytes (v128.load align=1 (local.get $at)))
                  (local.get $control))
                (local.get $bytes))
              (v128.or
                (i8x16.eq (local.get $bytes) (local.get $quote))
                (i8x16.eq (local.get $bytes) (local.get $backslash)))))
          (i32.shl
            (i8x16.bitmask
              (v128.or
                (i8x16.eq
                  (i8x16.min_u
                    (local.tee $bytes (v128.load offset=16 align=1 (local.get $at)))
                    (local.get $control))
                  (local.get $bytes))
                (v128.or
                  (i8x16.eq (local.get $bytes) (local.get $quote))
                  (i8x16.eq (local.get $bytes) (local.get $backslash)))))
            (i32.const 16))))
      (i64.shl
        (i64.extend_i32_u
          (i32.or
            (i8x16.bitmask
              (v128.or
                (i8x16.eq
                  (i8x16.min_u
                    (local.tee $bytes (v128.load offset=32 align=1 (local.get $at)))
                    (local.get $control))
                  (local.get $bytes))
                (v128.or
                  (i8x16.eq (local.get $bytes) (local.get $quote))
                  (i8x16.eq (local.get $bytes) (local.get $backslash)))))
            (i32.shl
              (i8x16.bitmask
                (v128.or
                  (i8x16.eq
                    (i8x16.min_u
                      (local.tee $bytes (v128.load offset=48 align=1 (local.get $at)))
                      (local.get $control))
                    (local.get $bytes))
                  (v128.or
                    (i8x16.eq (local.get $bytes) (local.get $quote))
                    (i8x16.eq (local.get $bytes) (local.get $backslash)))))
              (i32.const 16))))
        (i64.const 32))))

  ;; The rest of a string, 16 bytes at a time.
  (func $text (param $at i32) (result i32)
    (local $bytes v128) (local $control v128) (local $quote v128) (local $backslash v128)
    (local $found i32) (local $kind i32)
    (local.set $control (v128.const i8x16 31 31 31 31 31 31 31 31 31 31 31 31 31 31 31 31))
    (local.set $quote (v128.const i8x16 34 34 34 34 34 34 34 34 34 34 34 34 34 34 34 34))
    (local.set $backslash (v128.const i8x16 92 92 92 92 92 92 92 92 92 92 92 92 92 92 92 92))
    (loop $next
      (local.set $found
        (i8x16.bitmask
          (v128.or
            (i8x16.eq
              (i8x16.min_u
                (local.tee $bytes (v128.load align=1 (local.get $at)))
                (local.get $control))
              (local.get $bytes))
            (v128.or
              (i8x16.eq (local.get $bytes) (local.get $quote))
              (i8x16.eq (local.get $bytes) (local.get $backslash))))))
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

  ;; [-] (0 | 1-9 digits) [. digits]
  (func $number (param $at i32) (result i32)
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2d)) ;; -
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
    (local.get $at))

  ;; e [+ | -] digits, behind a number that has none.
  (func $exponent (param $at i32) (result i32)
    (local $byte i32)
    (if (i32.gt_u (i32.sub (i32.load8_u (i32.sub (local.get $at) (i32.const 1))) (i32.const 0x30)) (i32.const 9))
      (then (return (i32.const 0))))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (local.set $byte (i32.load8_u (local.get $at)))
    (if (i32.or (i32.eq (local.get $byte) (i32.const 0x2b)) (i32.eq (local.get $byte) (i32.const 0x2d)))
      (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
    (local.set $at (call $digits (local.get $at)))
    (select
      (i32.const 0)
      (local.get $at)
      (i32.eq (i32.or (i32.load8_u (local.get $at)) (i32.const 0x20)) (i32.const 0x65))))

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

  ;; White space, 16 bytes at a time.
  (func $space (param $at i32) (result i32)
    (local $bytes v128) (local $breaks v128) (local $others i32)
    (loop $next
      (local.set $bytes (v128.load align=1 (local.get $at)))
      (local.set $breaks
        (v128.or
          (i8x16.eq (local.get $bytes) (v128.const i8x16 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10))
          (i8x16.eq (local.get $bytes) (v128.const i8x16 13 13 13 13 13 13 13 13 13 13 13 13 13 13 13 13))))
      (local.set $others
        (i32.xor
          (i32.const 0x1ffff)
          (i8x16.bitmask
            (v128.or
              (local.get $breaks)
              (v128.or
                (i8x16.eq (local.get $bytes) (v128.const i8x16 32 32 32 32 32 32 32 32 32 32 32 32 32 32 32 32))
                (i8x16.eq (local.get $bytes) (v128.const i8x16 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9)))))))
      ;; One further on counts too: no string may have one, so it stands between tokens as well.
      (global.set $hasLineBreak (i32.or (global.get $hasLineBreak) (v128.any_true (local.get $breaks))))
      (local.set $at (i32.add (local.get $at) (i32.ctz (local.get $others))))
      (br_if $next (i32.eq (local.get $others) (i32.const 0x10000))))
    (local.get $at))
)
