import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** An authority of its own, a server at `address` and a client that it vouches for, and another authority that it does not. */
export async function makeCertificates(dir: string, address = '127.0.0.1'): Promise<void> {
  const script = `
    set -eu; mkdir -p "$1"; cd "$1"
    key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    for ca in ca other-ca; do
      openssl req -x509 $key -days 2 -keyout $ca.key -out $ca.crt -subj "/CN=$ca" -addext basicConstraints=critical,CA:TRUE
    done
    for name in server client; do
      openssl req $key -keyout $name.key -out $name.csr -subj "/CN=$name"
      printf 'subjectAltName=IP:%s,DNS:kafka.example\\nextendedKeyUsage=serverAuth,clientAuth\\n' "$2" > $name.ext
      openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out $name.crt -extfile $name.ext
    done
    cat server.key server.crt ca.crt > server.pem`
  await run('/bin/sh', ['-c', script, 'certificates', dir, address])
}
