import { signal } from '@preact/signals'
import { parseRoute } from '../model/route.ts'

/** What the address asks for. */
export const route = signal(parseRoute(location.hash))

addEventListener('hashchange', () => {
  route.value = parseRoute(location.hash)
})

/** Changes the address without a new entry in the history, as filters do while they are typed. */
export function replaceFragment(fragment: string): void {
  history.replaceState(null, '', fragment)
  route.value = parseRoute(location.hash)
}
