;; CRC-32C over bytes in memory. crc32c.ts calls it. Assembled by `npm run generate` into crc32c-wasm.ts.
;;
;; Most bytes are folded away 16 at a time without any table ("Chorba", S. Russell, 2024): modulo the polynomial, with X = x^128,
;;     X^209 = X^144 + X^54 + X^39 + X^14 + 1
;; so 16 bytes may be left out if they are added to those that follow 65, 155, 170, 195 and 209 places later. (Found by trying all
;; such sums in ascending order; there is no shorter one with five terms.) What 209 places are left with goes by 16
;; tables ("slicing", M. E. Kounavis and F. L. Berry, 2005), as do few bytes.
;;
;; Memory (../wasm-memory.ts), filled by crc32c.ts:
;;  1114112  table n from n * 1024 on: what a byte does to the checksum that n bytes follow, 256 entries of 4 bytes
;;  1130496  16 KiB of folding: 209 places before those that are at hand, and 815 of these
;;  1146880  209 places that are left
;;
(module
  (memory (import "sink" "memory") 2)

  ;; Goes on from $crc over the bytes from $at to $end; both checksums inverted.
  (func (export "update") (param $crc i32) (param $at i32) (param $end i32) (result i32)
    ;; Twice what is left to the tables in any case.
    (if (i32.gt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 6688))
      (then
        (local.set $at (call $fold (local.get $crc) (local.get $at) (local.get $end)))
        (local.set $crc (call $slice (i32.const 0) (i32.const 1146880) (i32.const 1150224)))))
    (call $slice (local.get $crc) (local.get $at) (local.get $end)))

  ;; Leaves as 209 places what all whole ones come to, and gives the address behind them.
  (func $fold (param $crc i32) (param $at i32) (param $end i32) (result i32)
    (local $lastAt i32) (local $step i32) (local $bytes i32)
    (local.set $lastAt
      (i32.sub
        (i32.add (local.get $at) (i32.and (i32.sub (local.get $end) (local.get $at)) (i32.const -16)))
        (i32.const 3344)))
    (memory.fill (i32.const 1130496) (i32.const 0) (i32.const 3344))
    ;; The checksum so far is added to the first bytes: 209 places later than this one is the first.
    (i32.store (i32.const 1130496) (local.get $crc))
    (loop $more
      (local.set $bytes (i32.sub (local.get $lastAt) (local.get $at)))
      (if (i32.gt_u (local.get $bytes) (i32.const 13040)) (then (local.set $bytes (i32.const 13040))))
      (call $add (local.get $at) (local.get $bytes) (i32.const 1133840))
      (local.set $at (i32.add (local.get $at) (local.get $bytes)))
      (memory.copy
        (i32.const 1130496)
        (i32.add (i32.const 1130496) (local.get $bytes))
        (i32.const 3344))
      (br_if $more (i32.lt_u (local.get $at) (local.get $lastAt))))
    ;; The last ones are not left out, so they are not added to any other.
    (memory.fill (i32.const 1133840) (i32.const 0) (i32.const 3344))
    (call $add (local.get $at) (i32.const 3344) (i32.const 1146880))
    (i32.add (local.get $at) (i32.const 3344)))

  ;; Puts to $to the places from $at on, with all that was left out before them added. At least one.
  (func $add (param $at i32) (param $bytes i32) (param $to i32)
    (local $end i32) (local $before i32)
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (local.set $before (i32.const 1130496))
    (loop $next
      (v128.store align=1 (local.get $to)
        (v128.xor
          (v128.xor
            (v128.xor (v128.load align=1 (local.get $at)) (v128.load align=1 (local.get $before)))
            (v128.xor (v128.load offset=224 align=1 (local.get $before)) (v128.load offset=624 align=1 (local.get $before))))
          (v128.xor (v128.load offset=864 align=1 (local.get $before)) (v128.load offset=2304 align=1 (local.get $before)))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (local.set $before (i32.add (local.get $before) (i32.const 16)))
      (local.set $to (i32.add (local.get $to) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))

  ;; As update, by the tables alone.
  (func $slice (param $crc i32) (param $at i32) (param $end i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $rest i32)
    (block $few
      (loop $sixteen
        (br_if $few (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 16)))
        (local.set $a (i32.xor (local.get $crc) (i32.load align=1 (local.get $at))))
        (local.set $b (i32.load offset=4 align=1 (local.get $at)))
        (local.set $c (i32.load offset=8 align=1 (local.get $at)))
        (local.set $d (i32.load offset=12 align=1 (local.get $at)))
        ;; Only $a has to wait for the sixteen bytes before.
        (local.set $rest
          (i32.xor
            (i32.xor
              (i32.xor
                (i32.xor
                  (i32.load offset=1125376 (i32.shl (i32.and (local.get $b) (i32.const 0xff)) (i32.const 2)))
                  (i32.load offset=1124352 (i32.and (i32.shr_u (local.get $b) (i32.const 6)) (i32.const 0x3fc))))
                (i32.xor
                  (i32.load offset=1123328 (i32.and (i32.shr_u (local.get $b) (i32.const 14)) (i32.const 0x3fc)))
                  (i32.load offset=1122304 (i32.shl (i32.shr_u (local.get $b) (i32.const 24)) (i32.const 2)))))
              (i32.xor
                (i32.xor
                  (i32.load offset=1121280 (i32.shl (i32.and (local.get $c) (i32.const 0xff)) (i32.const 2)))
                  (i32.load offset=1120256 (i32.and (i32.shr_u (local.get $c) (i32.const 6)) (i32.const 0x3fc))))
                (i32.xor
                  (i32.load offset=1119232 (i32.and (i32.shr_u (local.get $c) (i32.const 14)) (i32.const 0x3fc)))
                  (i32.load offset=1118208 (i32.shl (i32.shr_u (local.get $c) (i32.const 24)) (i32.const 2))))))
            (i32.xor
              (i32.xor
                (i32.load offset=1117184 (i32.shl (i32.and (local.get $d) (i32.const 0xff)) (i32.const 2)))
                (i32.load offset=1116160 (i32.and (i32.shr_u (local.get $d) (i32.const 6)) (i32.const 0x3fc))))
              (i32.xor
                (i32.load offset=1115136 (i32.and (i32.shr_u (local.get $d) (i32.const 14)) (i32.const 0x3fc)))
                (i32.load offset=1114112 (i32.shl (i32.shr_u (local.get $d) (i32.const 24)) (i32.const 2)))))))
        (local.set $crc
          (i32.xor
            (local.get $rest)
            (i32.xor
              (i32.xor
                (i32.load offset=1129472 (i32.shl (i32.and (local.get $a) (i32.const 0xff)) (i32.const 2)))
                (i32.load offset=1128448 (i32.and (i32.shr_u (local.get $a) (i32.const 6)) (i32.const 0x3fc))))
              (i32.xor
                (i32.load offset=1127424 (i32.and (i32.shr_u (local.get $a) (i32.const 14)) (i32.const 0x3fc)))
                (i32.load offset=1126400 (i32.shl (i32.shr_u (local.get $a) (i32.const 24)) (i32.const 2)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $sixteen)))
    (block $done
      (loop $one
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $crc
          (i32.xor
            (i32.shr_u (local.get $crc) (i32.const 8))
            (i32.load offset=1114112
              (i32.shl
                (i32.and (i32.xor (local.get $crc) (i32.load8_u (local.get $at))) (i32.const 0xff))
                (i32.const 2)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $one)))
    (local.get $crc))
)
