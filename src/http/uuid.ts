import { createHash } from 'node:crypto'

/** Namespace of our name-based UUIDs: an arbitrary constant that must never change. */
const NAMESPACE = Buffer.from('9a1f8a3e5b7c4d0c8e6f2b4a6c8d0e1f', 'hex')

/** Name-based UUID, version 5 (RFC 9562, section 5.5): the same name always gives the same id. */
export function uuidOf(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
