/** Tells people what is being done, on stderr: stdout carries only what is shown to them. */
export function say(message: string): void {
  const seconds = Math.floor(performance.now() / 1000)
  process.stderr.write(`${String(seconds).padStart(4)}s  ${message}\n`)
}
