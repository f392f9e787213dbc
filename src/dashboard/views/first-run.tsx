/**
 * What an empty box shows: how to send it something. The first request turns it into the overview.
 */
import { useState } from 'preact/hooks'

export const FirstRun = () => {
  const lines = `export ANTHROPIC_BASE_URL=${location.origin}\nclaude`
  const [isCopied, setCopied] = useState(false)
  return (
    <section class="first-run" aria-label="First steps">
      <h2>Nothing has been asked yet</h2>
      <p>Send Claude Code through Signalbox with two lines, in any terminal of this machine:</p>
      <pre>{lines}</pre>
      {isSecureContext ? (
        <button
          type="button"
          class="primary"
          onClick={() => {
            navigator.clipboard.writeText(lines).then(
              () => setCopied(true),
              () => setCopied(false),
            )
          }}
        >
          {isCopied ? 'Copied' : 'Copy'}
        </button>
      ) : null}
      <ol>
        <li>
          Where Claude Code asks to sign in: Signalbox holds the real credentials, so any word does, as
          <code> ANTHROPIC_AUTH_TOKEN=signalbox claude</code>.
        </li>
        <li>Ask it anything. This page turns into the overview with the first request; nothing has to be reloaded.</li>
        <li>
          See under <a href="#/providers">Providers</a> who can serve, under <a href="#/routing">Routing</a> how one of
          them is chosen, and under <a href="#/settings">Settings</a> with which configuration.
        </li>
      </ol>
    </section>
  )
}
