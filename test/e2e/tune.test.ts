/**
 * The path of docs/tuning.md as a process over real sockets: a box serves, `tune` reads its log and recommends, `--apply` changes the running
 * box, whose admin API (and so the dashboard) tells of the change, and requests follow it. Its two providers are a quicker demo: what takes
 * the demo a second takes them tens of milliseconds.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { World } from '#infra/simulator/world.ts'
import { ask } from '#test/admin.ts'
import { configOf, startProcess } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { header, send } from './http-client.ts'

const LIMIT = 240_000
const worldOf = (firstTokenMs: number): World => ({
  firstTokenMs: { median: firstTokenMs, sigma: 0.2 },
  tokensPerSecond: { median: 1_000, sigma: 0.1 },
  answerTokens: { median: 10, sigma: 0.2 },
  failures: { rateLimitedShare: 0, overloadedShare: 0, serverErrorShare: 0, droppedShare: 0 },
})
const [SESSIONS, CALLS] = [20, 20]
const OBJECTIVE = ['--objective', 'p50ttft subject to success>=0.99'] as const

describe('who tunes a running box', () => {
  it.live(
    'gets a recommendation with a report, applies it, and sees it in force',
    () =>
      Effect.gen(function* () {
        const providers = yield* startProviders({ slow: { world: worldOf(400) }, quick: { world: worldOf(40) } })
        const config = configOf(providers.slow, providers.quick)
        const box = yield* startProcess({
          config: { ...config, routing: { strategy: 'priority', exploration: 0.3 } },
        })
        const request = (session: string) => {
          const headers = [
            ['content-type', 'application/json'],
            ['x-claude-code-session-id', session],
          ] as const
          return send(box.port, { headers, body: callBody({ stream: true }) })
        }
        const names = Array.from({ length: SESSIONS }, (_, n) => `session-${n}`)
        yield* Effect.forEach(
          names,
          (name) => Effect.forEach(Array.from({ length: CALLS }), () => request(name), { discard: true }),
          { concurrency: 'unbounded', discard: true },
        )
        const token = readFileSync(join(box.folder, 'admin-token'), 'utf8').trim()
        const routing = Effect.map(ask(box, '/admin/routing', { token }), ({ body }) => body)
        expect(yield* routing).toMatchObject({ policyVersion: 1, strategy: 'priority' })

        const report = join(box.folder, 'tune.html')
        const port = ['--port', String(box.port)]
        const tuned = yield* box.command('tune', ...OBJECTIVE, '--report', report, ...port)
        expect(tuned).toMatchObject({ code: 0 })
        expect(tuned.stdout).toMatch(
          /Recommended\. To keep it in the configuration:\n\nrouting:\n {2}strategy: intelligent/,
        )
        expect(readFileSync(report, 'utf8')).toContain('Recommended.')
        expect(yield* routing).toMatchObject({ policyVersion: 1, strategy: 'priority' })

        const applied = yield* box.command('tune', ...OBJECTIVE, '--apply', '--json', ...port)
        expect(applied).toMatchObject({ code: 0 })
        expect(applied.stderr).toContain('Applied: the policy has version 2, and the next request follows it.')
        const { best } = JSON.parse(applied.stdout)
        expect(yield* routing).toMatchObject({ policyVersion: 2, strategy: 'intelligent', weights: best.weights })
        expect((yield* ask(box, '/admin/overrides', { token })).text).toContain('routing.weights.performance')

        const served = yield* Effect.forEach(names, (name) =>
          Effect.map(request(name), (got) => header(got, 'x-signalbox-provider')),
        )
        expect(served.filter((by) => by === 'quick').length).toBeGreaterThan(SESSIONS / 2)
      }),
    LIMIT,
  )
})
