import type { RunnerPoolSpec } from '../../../src/api/runner-pool.ts'

/** The label of the jobs that come with their messages. */
export const MESSAGE_LABEL = 'worker'

/** The pool of the jobs that come with their messages. */
export const workers: Partial<RunnerPoolSpec> = {
  mode: 'Worker',
  labels: [MESSAGE_LABEL],
  template: { spec: { containers: [{ name: 'runner', image: 'actions-runner' }] } },
}
