/** Processor architectures of nodes, by their label `kubernetes.io/arch`, for which there is a program. */
export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

/** Where the program is loaded. */
const BASE = 0x40_0000
const FILE_HEADER = 64
const PROGRAM_HEADER = 56
const CODE = FILE_HEADER + 2 * PROGRAM_HEADER

/** ELF's number of a machine, the page size that its kernels may have, and the instructions of an endless wait. */
const machines: Record<Architecture, { machine: number; page: number; code: readonly number[] }> = {
  amd64: {
    machine: 62,
    page: 0x1000,
    // mov eax, 34 (pause); syscall; jmp to the first
    code: [0xb8, 0x22, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xeb, 0xf7],
  },
  arm64: {
    machine: 183,
    page: 0x1_0000,
    // mov x0..x4, 0; mov x8, 73 (ppoll); svc 0; b to the first
    code: words(0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd2800004, 0xd2800928, 0xd4000001, 0x17fffff9),
  },
}

/**
 * A program that only waits, as an executable for Linux: it needs neither a shell nor a library, so it runs in a
 * container of any image. It takes no memory of its own and no CPU.
 */
export function holdProgram(architecture: Architecture): Uint8Array {
  const { machine, page, code } = machines[architecture]
  const bytes = new Uint8Array(CODE + code.length)
  const view = new DataView(bytes.buffer)
  const put16 = (at: number, value: number) => view.setUint16(at, value, true)
  const put32 = (at: number, value: number) => view.setUint32(at, value, true)
  const put64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]) // \x7fELF, 64 bits, little-endian, version 1
  put16(16, 2) // an executable at a fixed address
  put16(18, machine)
  put32(20, 1)
  put64(24, BASE + CODE) // where it starts
  put64(32, FILE_HEADER) // where the program headers are
  put16(52, FILE_HEADER)
  put16(54, PROGRAM_HEADER)
  put16(56, 2)
  // The whole file is loaded, to be read and executed.
  put32(FILE_HEADER, 1)
  put32(FILE_HEADER + 4, 5)
  put64(FILE_HEADER + 16, BASE)
  put64(FILE_HEADER + 24, BASE)
  put64(FILE_HEADER + 32, bytes.length)
  put64(FILE_HEADER + 40, bytes.length)
  put64(FILE_HEADER + 48, page)
  // The stack is not executable.
  put32(FILE_HEADER + PROGRAM_HEADER, 0x6474e551)
  put32(FILE_HEADER + PROGRAM_HEADER + 4, 6)
  put64(FILE_HEADER + PROGRAM_HEADER + 48, 16)
  bytes.set(code, CODE)
  return bytes
}

/** Instructions of four bytes each. */
function words(...instructions: number[]): number[] {
  return instructions.flatMap((word) => [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24])
}
