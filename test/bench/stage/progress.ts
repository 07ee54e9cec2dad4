/** Tells what is going on, and since when the run goes. */
export function say(text: string): void {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${text}`)
}
