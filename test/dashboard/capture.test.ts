/**
 * The prompt and the answer of a request in the dashboard: shown to whoever says yes, and not before.
 */
import { expect, layer } from '@effect/vitest'
import { Effect } from 'effect'
import { configOf } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { act, Chrome, call, expectCalm, look, says, startBox } from './browser.ts'

const PROMPT = 'a prompt that nobody else would write'

const start = (capture: object) =>
  Effect.gen(function* () {
    const { alpha } = yield* startProviders({ alpha: {} })
    const box = yield* startBox({ config: { ...configOf(alpha), capture } })
    const { headers } = yield* call(box, {}, { messages: [{ role: 'user', content: PROMPT }] })
    const id = headers.find(([name]) => name === 'x-signalbox-request-id')?.[1]
    const view = yield* look(box, { at: `#/requests/${id}` })
    const open = act(() => view.page.getByRole('button', { name: 'Show prompt and answer of this request' }).click())
    const confirm = act(() => view.page.locator('dialog[open] .primary').click())
    const looks = Effect.map(box.events, (all) => all.filter(({ event }) => event._tag === 'CaptureRead').length)
    return { view, open, confirm, looks }
  })

layer(Chrome.layer, { excludeTestServices: true, timeout: 60_000 })('the page of a request', (it) => {
  it.effect('shows its prompt and answer after it has asked', () =>
    Effect.gen(function* () {
      const { view, open, confirm, looks } = yield* start({ enabled: true })
      const { page } = view
      yield* open
      yield* says(page.locator('dialog[open]'), /The log will say that you looked/)
      yield* act(() => page.getByRole('button', { name: 'Cancel' }).click())
      expect(yield* looks).toBe(0)
      yield* open
      yield* confirm
      yield* act(() => page.getByText(/^Prompt, \d+ bytes$/).click())
      yield* says(page.locator('details[open] pre'), new RegExp(PROMPT))
      expect(yield* looks).toBe(1)
      expectCalm(view)
    }),
  )

  it.effect('says so where nothing is captured', () =>
    Effect.gen(function* () {
      const { view, open, confirm } = yield* start({})
      yield* open
      yield* confirm
      yield* says(view.page.getByRole('alert'), /capture\.enabled is false/)
    }),
  )
})
