import { useState } from 'preact/hooks'
import { Refused } from '../../client/failures.ts'
import { base } from '../io/base.ts'
import { farewell, signIn } from '../io/session.ts'

/** Asks for a token. */
export function SignIn({ problem: first }: { problem: string | undefined }) {
  const [token, setToken] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState(first ?? farewell.value)
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    const given = token.trim()
    if (given === '' || isBusy) return
    if (!/^[\x21-\x7e]+$/.test(given)) return setProblem('A token has no blanks and only ASCII characters.')
    setBusy(true)
    try {
      await signIn(given)
    } catch (error) {
      setProblem(problemOf(error))
      setBusy(false)
    }
  }
  return (
    <main class="sign-in">
      <form class="card" onSubmit={(event) => void submit(event)}>
        <h1>RunnerHub</h1>
        <p class="muted">Enter a token to see the jobs of this installation. It stays in this tab.</p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={token}
          aria-describedby="token-help"
          aria-invalid={problem !== undefined}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
          autofocus
        />
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="primary" disabled={isBusy || token.trim() === ''}>
          {isBusy ? 'Checking…' : 'Show jobs'}
        </button>
        <details id="token-help">
          <summary>Where do I get a token?</summary>
          <p>
            An administrator of the installation has one in the token Secret. With access to the cluster you can also
            make one for an hour:
          </p>
          <pre>kubectl create token NAME --audience runnerhub</pre>
        </details>
        <p class="muted">
          <a href={`${base}/docs`}>API reference</a>
        </p>
      </form>
    </main>
  )
}

function problemOf(error: unknown): string {
  if (!(error instanceof Refused)) return 'RunnerHub does not answer. Try again in a moment.'
  if (error.status === 401) return 'RunnerHub does not know this token. Check that it is complete and not expired.'
  return error.status === 429 ? 'Too many calls came from your address. Try again in some minutes.' : error.message
}
