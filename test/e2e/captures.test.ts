/**
 * Captures by the command line itself: what is kept of real streams, who may see it, what is on the disk, and that nothing is
 * there when it is off.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import { answer, type Step, stall } from '#infra/simulator/script.ts'
import { ask } from '#test/admin.ts'
import { configOf, type ProcessOptions, scratchFolder, startProcess } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { header, send, start } from './http-client.ts'

const PROMPT = 'a prompt that nobody else would write'
const CANARY = 'sk-ant-canary-77aa'
const KEY = Buffer.alloc(32, 9).toString('base64')

const streamed = callBody({ stream: true, messages: [{ role: 'user', content: `${PROMPT}, my key is ${CANARY}.` }] })

const setUp = (capture: object, options: Partial<ProcessOptions> & { readonly step?: Step } = {}) =>
  Effect.gen(function* () {
    const { step = answer([{ type: 'text', text: `I see ${CANARY}.` }]), ...more } = options
    const { alpha } = yield* startProviders({ alpha: { script: [{ step, times: 100 }] } })
    const box = yield* startProcess({ config: { ...configOf(alpha), capture }, ...more })
    const token = readFileSync(join(box.folder, 'admin-token'), 'utf8').trim()
    return { box, token, file: join(box.folder, 'captures.db') }
  })
type Box = Effect.Success<ReturnType<typeof setUp>>['box']

/** It is kept a moment after the client has its answer. */
const untilKept = (box: Box, token: string, id: string | undefined) =>
  Effect.gen(function* () {
    for (;;) {
      const found = yield* ask(box, `/admin/requests/${id}/capture`, { token })
      if (found.status === 200) return found
      yield* Effect.sleep(10)
    }
  })

const bytesIn = (folder: string): string =>
  readdirSync(folder)
    .filter((name) => !/^signalbox\.yaml|^admin-token/.test(name))
    .map((name) => readFileSync(join(folder, name)).toString('latin1'))
    .join('\n')

const metric = (text: string, name: string): string | undefined => new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]

describe('captures', () => {
  it.live('keep a stream as it was sent, without the credentials in it, and the log says who looked', () =>
    Effect.gen(function* () {
      const { box, token } = yield* setUp({ enabled: true })
      const sent = yield* send(box.port, { body: streamed })
      const id = header(sent, 'x-signalbox-request-id')
      const { body, text } = yield* untilKept(box, token, id)
      const shown = body as { readonly request: { readonly text: string }; readonly answer: { readonly text: string } }
      expect(shown).toMatchObject({ requestId: id, status: 200, complete: true, redactions: 2 })
      expect(shown.request.text).toBe(JSON.stringify(streamed).replace(CANARY, '[redacted]'))
      const wire = sent.body.toString()
      expect(wire.match(/^event: .*$/gm)?.length).toBeGreaterThan(5)
      expect(shown.answer.text.match(/^event: .*$/gm)).toEqual(wire.match(/^event: .*$/gm))
      expect(text).not.toMatch(/canary/)

      const command = yield* box.command('capture', 'show', String(id), '--port', String(box.port))
      expect(command).toMatchObject({ code: 0, stdout: expect.stringContaining(PROMPT) })
      expect(command.stdout).not.toContain('canary')
      const json = yield* box.command('capture', 'show', String(id), '--json', '--port', String(box.port))
      expect(json).toMatchObject({ code: 0, stderr: '' })
      expect(JSON.parse(json.stdout)).toEqual(body)
      const read = (yield* box.events).flatMap(({ event }) => (event._tag === 'CaptureRead' ? [event] : []))
      expect(read).toHaveLength(3)
      expect(new Set(read.map(({ requestId, by }) => `${requestId} ${by}`))).toEqual(new Set([`${id} admin 127.0.0.1`]))
      expect(metric((yield* ask(box, '/metrics')).text, 'signalbox_captures_total')).toBe('1')
      expect(bytesIn(box.folder)).toContain(PROMPT)
      expect(bytesIn(box.folder)).not.toContain(CANARY)
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )

  it.live('keep what went out to a client that left', () =>
    Effect.gen(function* () {
      const { box, token } = yield* setUp({ enabled: true }, { step: stall({ events: 4 }) })
      const id = yield* Effect.callback<string>((resume) => {
        const sent = start(box.port, { body: streamed })
        sent.on('error', () => undefined)
        sent.on('response', (response) => {
          response.on('error', () => undefined)
          response.on('data', (chunk: Buffer) => {
            if (!chunk.includes('content_block')) return
            resume(Effect.succeed(String(response.headers['x-signalbox-request-id'])))
            sent.destroy()
          })
        })
      })
      const { body } = yield* untilKept(box, token, id)
      expect(body).toMatchObject({ complete: false, status: 200 })
      expect(JSON.stringify(body)).toContain('content_block')
    }),
  )

  it.live(
    'with a key are on the disk without a readable word, also after a restart; another key leaves serving alone',
    () =>
      Effect.gen(function* () {
        const folder = yield* scratchFolder
        const capture = { enabled: true, key: { env: 'CAPTURE_KEY' } }
        const environment = { CAPTURE_KEY: KEY }
        const id = yield* Effect.scoped(
          Effect.gen(function* () {
            const { box, token } = yield* setUp(capture, { folder, environment })
            const sent = yield* send(box.port, { body: streamed })
            const kept = header(sent, 'x-signalbox-request-id')
            yield* untilKept(box, token, kept)
            box.signal('SIGTERM')
            expect((yield* box.exited).code).toBe(0)
            return kept
          }),
        )
        expect(existsSync(join(folder, 'captures.db'))).toBe(true)
        expect(bytesIn(folder)).not.toContain(PROMPT)

        yield* Effect.scoped(
          Effect.gen(function* () {
            const { box, token } = yield* setUp(capture, { folder, environment: { CAPTURE_KEY: 'another key' } })
            expect((yield* send(box.port, { body: streamed })).status).toBe(200)
            expect((yield* ask(box, `/admin/requests/${id}/capture`, { token })).status).toBe(503)
            expect(box.stderr()).toMatch(/nothing is captured/)
            expect(box.stderr()).toMatch(/encrypted with another key/)
            expect(box.stderr()).not.toContain('another key"')
            expect(metric((yield* ask(box, '/metrics')).text, 'signalbox_captures_dropped_total')).toBe('1')
          }),
        )

        const { box, token } = yield* setUp(capture, { folder, environment })
        expect(JSON.stringify((yield* ask(box, `/admin/requests/${id}/capture`, { token })).body)).toContain(PROMPT)
      }),
  )

  it.live('are shown and removed by the command line where no Signalbox runs', () =>
    Effect.gen(function* () {
      const { box, token, file } = yield* setUp({ enabled: true })
      const id = String(header(yield* send(box.port, { body: streamed }), 'x-signalbox-request-id'))
      yield* untilKept(box, token, id)
      box.signal('SIGTERM')
      yield* box.exited
      const port = ['--port', String(box.port)]
      const shown = yield* box.command('capture', 'show', id, ...port)
      expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining(PROMPT) })
      const read = (yield* box.events).flatMap(({ event }) => (event._tag === 'CaptureRead' ? [event.by] : []))
      expect(read).toEqual(['admin 127.0.0.1', 'cli'])
      expect((yield* box.command('capture', 'prune', '--json', ...port)).stdout).toBe('{"removed":0}\n')
      expect((yield* box.command('capture', 'prune', '--all', ...port)).stdout).toBe('1 captures were removed.\n')
      expect(yield* box.command('capture', 'show', id, ...port)).toMatchObject({ code: 1, stdout: '' })
      expect(readFileSync(file).includes(PROMPT)).toBe(false)
    }),
  )

  it.live('are not there when they are off: no file, no metric above nothing, and the API says so', () =>
    Effect.gen(function* () {
      const { box, token, file } = yield* setUp({})
      const sent = yield* send(box.port, { body: streamed })
      const refused = yield* ask(box, `/admin/requests/${header(sent, 'x-signalbox-request-id')}/capture`, { token })
      expect(refused).toMatchObject({ status: 404 })
      expect(refused.text).toContain('capture.enabled is false')
      expect(existsSync(file)).toBe(false)
      expect(metric((yield* ask(box, '/metrics')).text, 'signalbox_captures_total')).toBe('0')
      expect(bytesIn(box.folder)).not.toContain(PROMPT)
    }),
  )

  it.live('do not delay a stream while their disk is blocked', () =>
    Effect.gen(function* () {
      const { box, file } = yield* setUp({ enabled: true })
      const blocker = new Database(file)
      blocker.exec('BEGIN EXCLUSIVE')
      const begun = performance.now()
      for (let n = 0; n < 5; n++) {
        expect(yield* send(box.port, { body: streamed })).toMatchObject({ status: 200, ending: 'complete' })
      }
      // The thread would wait for five seconds.
      expect(performance.now() - begun).toBeLessThan(4_000)
      expect(metric((yield* ask(box, '/metrics')).text, 'signalbox_captures_total')).toBe('0')
      blocker.exec('COMMIT')
      blocker.close()
      while (metric((yield* ask(box, '/metrics')).text, 'signalbox_captures_total') !== '5') yield* Effect.sleep(20)
    }),
  )

  it.live('are of the share and the rules that are configured', () =>
    Effect.gen(function* () {
      const only = { mine: { project: 'signalbox' } }
      const { box, token } = yield* setUp({ enabled: true, only })
      const project = ['x-signalbox-project', 'signalbox'] as const
      const other = yield* send(box.port, { body: streamed })
      const mine = yield* send(box.port, { headers: [['content-type', 'application/json'], project], body: streamed })
      yield* untilKept(box, token, header(mine, 'x-signalbox-request-id'))
      const path = `/admin/requests/${header(other, 'x-signalbox-request-id')}/capture`
      expect((yield* ask(box, path, { token })).status).toBe(404)
      expect(metric((yield* ask(box, '/metrics')).text, 'signalbox_captures_total')).toBe('1')
    }),
  )
})
