import { signal } from '@preact/signals'
import { systemClock as clock } from '../../kube/runtime/clock.ts'

/** The present, once a second while the page is shown. */
export const nowMs = signal(clock.now().getTime())

function tick(): void {
  if (!document.hidden) nowMs.value = clock.now().getTime()
  clock.setTimer(tick, 1000)
}

tick()
