;; CRC-32C over bytes in memory, 16 at a time by 16 tables ("slicing", M. E. Kounavis and F. L. Berry, 2005). crc32c.ts
;; calls it. Assembled by `npm run generate` into crc32c-wasm.ts.
;;
;; Memory (../wasm-memory.ts), filled by crc32c.ts:
;;  1114112  table n from n * 1024 on: what a byte does to the checksum that n bytes follow, 256 entries of 4 bytes
(module
  (memory (import "sink" "memory") 2)

  ;; Goes on from $crc over the bytes from $at to $end; both checksums inverted.
  (func (export "update") (param $crc i32) (param $at i32) (param $end i32) (result i32)
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
