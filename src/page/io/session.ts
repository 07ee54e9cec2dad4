import { signal } from '@preact/signals'
import type { AnswerOf } from '../../client/address.ts'
import { RunnerHubClient } from '../../client/client.ts'
import { Refused } from '../../client/failures.ts'
import { base } from './base.ts'

/** Who uses the page, and with which token. */
export interface Session {
  token: string
  caller: AnswerOf<'getCaller'>['data']
}

const KEY = 'runnerhub.token'

/** The present session; undefined before a token was accepted. */
export const session = signal<Session | undefined>(undefined)

/** Why there is no session any more. */
export const farewell = signal<string | undefined>(undefined)

/** Whether the last response came from cached data, because the API server of the cluster does not answer. */
export const isStale = signal(false)

/** The API, with the token of the session. */
export const hub = clientWith(() => session.value?.token)

function clientWith(token: () => string | undefined): RunnerHubClient {
  return new RunnerHubClient({
    url: base,
    token,
    fetch: async (...request) => {
      const response = await fetch(...request)
      isStale.value = response.headers.has('x-runnerhub-stale')
      if (response.status === 401 && session.value !== undefined)
        signOut('Your token is no longer valid. Enter a new one.')
      return response
    },
  })
}

/** Begins a session. Throws if the token is not accepted. */
export async function signIn(token: string): Promise<void> {
  const { body } = await clientWith(() => token).call('getCaller', {})
  sessionStorage.setItem(KEY, token)
  farewell.value = undefined
  session.value = { token, caller: body.data }
}

/** Ends the session, and forgets the token. */
export function signOut(why?: string): void {
  sessionStorage.removeItem(KEY)
  farewell.value = why
  session.value = undefined
}

/** Takes up the session that this tab had before it was loaded again. False if there was none. */
export async function resume(): Promise<boolean> {
  const token = sessionStorage.getItem(KEY)
  if (token === null) return false
  try {
    await signIn(token)
    return true
  } catch (error) {
    if (!(error instanceof Refused && error.status === 401)) throw error
    signOut('Your token is no longer valid. Enter a new one.')
    return false
  }
}

/** Whether the caller has a permission, in the words of the API. */
export function may(permission: AnswerOf<'getCaller'>['data']['permissions'][number]): boolean {
  return session.value?.caller.permissions.includes(permission) === true
}
