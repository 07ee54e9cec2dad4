/** Reports progress, with the time since the start of the run. */
export function say(text: string): void {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${text}`)
}
