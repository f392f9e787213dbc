/** What was captured of a request, by the admin API. */
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Redacted } from 'effect'
import { providerId } from '#domain/ids.ts'
import { startCaptures } from '#infra/captures/captures.ts'
import { ask } from '#test/admin.ts'
import { ADMIN_TOKEN, startBox } from '#test/server.ts'
import { scratchFolder } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { header, send } from '../../e2e/http-client.ts'

const PROMPT = 'a prompt that nobody else would write'

const start = (isOn: boolean) =>
  Effect.gen(function* () {
    const { alpha } = yield* startProviders({ alpha: {} })
    const captures = yield* startCaptures({
      file: join(yield* scratchFolder, 'captures.db'),
      ...{ sampleShare: 1, only: [{ provider: providerId('alpha') }], retentionMs: 1e9, maxBytes: 1e9, redact: [] },
    })
    const tokens = { admin: Redacted.make(ADMIN_TOKEN), read: Redacted.make('may-only-look') }
    const box = yield* startBox({
      admin: { tokens },
      providers: { alpha: { url: alpha.url } },
      server: isOn ? { captures } : {},
    })
    const body = callBody({ messages: [{ role: 'user', content: PROMPT }] })
    const sent = yield* send(box.port, { headers: [['content-type', 'application/json']], body })
    const path = `/admin/requests/${header(sent, 'x-signalbox-request-id')}/capture`
    while (isOn && captures.counts().kept === 0) yield* Effect.sleep(5)
    return { box, body, sent, path, captures }
  })

describe('a capture', () => {
  it.live('shows prompt and answer as they were, and leaves an event that says who looked', () =>
    Effect.gen(function* () {
      const { box, body, sent, path } = yield* start(true)
      const { status, body: shown, headers } = yield* ask(box, path)
      expect(status).toBe(200)
      expect(headers['cache-control']).toBe('no-store')
      expect(shown).toMatchObject({
        ...{ status: 200, complete: true, redactions: 0 },
        request: { encoding: 'utf8', text: JSON.stringify(body) },
        answer: { encoding: 'utf8', text: sent.body.toString() },
      })
      const read = (yield* box.events).filter(({ event }) => event._tag === 'CaptureRead')
      expect(read).toMatchObject([
        { stream: 'box', event: { requestId: header(sent, 'x-signalbox-request-id'), by: 'admin 127.0.0.1' } },
      ])
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )

  it.live('is not for the read token, which leaves no event', () =>
    Effect.gen(function* () {
      const { box, path } = yield* start(true)
      const refused = yield* ask(box, path, { token: 'may-only-look' })
      expect(refused).toMatchObject({ status: 403, body: { error: { type: 'forbidden' } } })
      expect((yield* ask(box, '/admin/requests', { token: 'may-only-look' })).status).toBe(200)
      expect((yield* box.events).some(({ event }) => event._tag === 'CaptureRead')).toBe(false)
    }),
  )

  it.live('is in no list, no explanation and no event', () =>
    Effect.gen(function* () {
      const { box, path } = yield* start(true)
      for (const asked of ['/admin/requests', path.replace('/capture', ''), '/admin/events', '/admin/state']) {
        expect((yield* ask(box, asked)).text).not.toContain(PROMPT)
      }
    }),
  )

  it.live('is not found where there is none, and where nothing is captured', () =>
    Effect.gen(function* () {
      const on = yield* start(true)
      const none = yield* ask(on.box, '/admin/requests/req_none/capture')
      expect(none).toMatchObject({ status: 404, body: { error: { message: 'Nothing was captured of this request.' } } })
      const off = yield* start(false)
      const missing = yield* ask(off.box, off.path)
      expect(missing).toMatchObject({
        status: 404,
        body: { error: { message: expect.stringContaining('capture.enabled is false') } },
      })
    }),
  )
})
