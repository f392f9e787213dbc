/**
 * Asks for the admin token, and says when one was wrong.
 */
import { useState } from 'preact/hooks'
import { refusal, setToken } from '../token.ts'

export const TokenForm = () => {
  const [value, setValue] = useState('')
  return (
    <main id="main" class="gate" tabIndex={-1}>
      <h1>Signalbox</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (value.trim() !== '') setToken(value.trim())
        }}
      >
        <label for="token">Admin token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={value}
          aria-describedby="token-help"
          aria-invalid={refusal.value !== null}
          onInput={({ currentTarget }) => setValue(currentTarget.value)}
        />
        {refusal.value === null ? null : (
          <p class="notice bad" role="alert">
            {refusal.value}
          </p>
        )}
        <p id="token-help" class="note">
          Signalbox prints a link with it when it starts. It is also in the file <code>admin-token</code> beside the
          event log, unless <code>SIGNALBOX_ADMIN_TOKEN</code> sets one.
        </p>
        <button type="submit" class="primary">
          Look
        </button>
      </form>
    </main>
  )
}
