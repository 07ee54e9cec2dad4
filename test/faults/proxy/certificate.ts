import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '../../processes/command.ts'

/** A self-signed certificate for this machine. */
export interface Certificate {
  cert: string
  key: string
}

export async function makeCertificate(name = 'runnerhub-test'): Promise<Certificate> {
  const directory = await mkdtemp(join(tmpdir(), 'runnerhub-cert-'))
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  try {
    const contents = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-days', '2']
    const how = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert]
    await command('openssl', 'req', '-x509', ...how, ...contents)
    return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
  } finally {
    await rm(directory, { recursive: true })
  }
}
