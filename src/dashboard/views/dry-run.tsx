/**
 * Asks whom a request would go to now, without sending it.
 */
import { useState } from 'preact/hooks'
import { problemOf } from '../api/ask.ts'
import { dryRun, type RouteAnswer, type RouteQuestion } from '../api/routing.ts'
import { Route } from '../components/route.tsx'
import { count, plural } from '../format.ts'

const EXAMPLE = JSON.stringify(
  { model: 'claude-sonnet-5-5', max_tokens: 1024, messages: [{ role: 'user', content: 'Hello' }] },
  null,
  2,
)

type Result =
  | { readonly _tag: 'None' }
  | { readonly _tag: 'Problem'; readonly text: string }
  | { readonly _tag: 'Decided'; readonly answer: RouteAnswer }

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const DryRun = () => {
  const [body, setBody] = useState(EXAMPLE)
  const [session, setSession] = useState('')
  const [draw, setDraw] = useState('')
  const [result, setResult] = useState<Result>({ _tag: 'None' })
  const decide = async () => {
    const request = parsed(body)
    if (request === undefined) return setResult({ _tag: 'Problem', text: 'The request is no JSON.' })
    const question: RouteQuestion = {
      request,
      ...(session === '' ? {} : { headers: { 'x-claude-code-session-id': session } }),
      ...(draw === '' ? {} : { draw: Number(draw) }),
    }
    const answer = await dryRun(question)
    setResult(
      answer._tag === 'Ok' ? { _tag: 'Decided', answer: answer.value } : { _tag: 'Problem', text: problemOf(answer) },
    )
  }
  return (
    <section class="panel" aria-label="Dry run">
      <h2>Dry run</h2>
      <p class="note">Whom would this request be sent to now? Nothing is sent, nothing is recorded.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void decide()
        }}
      >
        <label class="wide">
          Messages request
          <textarea
            rows={8}
            spellcheck={false}
            value={body}
            onInput={({ currentTarget }) => setBody(currentTarget.value)}
          />
        </label>
        <div class="filters">
          <label>
            Session (optional)
            <input value={session} onInput={({ currentTarget }) => setSession(currentTarget.value)} />
          </label>
          <label>
            Draw in [0, 1) (optional)
            <input
              type="number"
              min={0}
              max={0.9999}
              step="any"
              value={draw}
              onInput={({ currentTarget }) => setDraw(currentTarget.value)}
            />
          </label>
          <button type="submit" class="primary">
            Decide
          </button>
        </div>
      </form>
      <div aria-live="polite">
        {result._tag === 'Problem' ? <p class="notice bad">{result.text}</p> : null}
        {result._tag === 'Decided' ? <Decided answer={result.answer} /> : null}
      </div>
    </section>
  )
}

const Decided = ({ answer }: { readonly answer: RouteAnswer }) => {
  const { request, route, at } = answer
  return (
    <>
      <p>
        It would go to <strong data-figure="dryRun">{route.candidates[0]?.provider ?? 'nobody'}</strong>. Read as:{' '}
        {request.kind}, {request.model}, {plural(request.messages, 'message')}, {plural(request.tools, 'tool')},{' '}
        {count(request.bodyBytes)} bytes.
      </p>
      <Route route={route} at={at} />
    </>
  )
}
