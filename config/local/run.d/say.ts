/** Reports progress on stderr: stdout carries only results. */
export function say(message: string): void {
  const seconds = Math.floor(performance.now() / 1000)
  process.stderr.write(`${String(seconds).padStart(4)}s  ${message}\n`)
}
