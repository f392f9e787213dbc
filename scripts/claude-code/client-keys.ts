/**
 * A Signalbox that asks for keys: with a right one the client works, with a wrong one it stops at once instead of trying again
 * for minutes.
 */
import { Effect } from 'effect'
import * as stories from '#infra/simulator/stories.ts'
import type { Scenario } from './scenario.ts'
import { check, checkContent, checkLog, setStage } from './stage.ts'
import { resultOf, retries } from './transcript.ts'

/** Far below the three minutes that a 401 costs without `x-should-retry: false`. */
const SOON_MS = 30_000

const rightAndWrongKey: Scenario = {
  name: 'client key: a right one works, a wrong one stops at once',
  play: Effect.gen(function* () {
    const stage = yield* setStage({ story: stories.severalTools, config: { server: { clientKeys: 'required' } } })
    const made = yield* stage.box.command('keys', 'create', 'ci', '--port', String(stage.box.port))
    yield* check(made.code === 0, `no key was made: ${made.stderr}`)
    const secret = made.stdout.trim()
    const wrong = `${secret.slice(0, -1)}${secret.endsWith('x') ? 'y' : 'x'}`

    const startedAt = performance.now()
    const refused = yield* stage.client({ environment: { ANTHROPIC_AUTH_TOKEN: wrong } })
    const ms = performance.now() - startedAt
    const said = JSON.stringify(resultOf(refused)?.result ?? refused.stdout.slice(-300))
    yield* check(refused.code !== 0, 'the client was content with a wrong key')
    yield* check(retries(refused).length === 0, `the client tried again ${retries(refused).length} times`)
    yield* check(ms < SOON_MS, `the client took ${Math.round(ms / 1000)} s to stop`)
    yield* check(said.includes('does not know the key'), `the client said ${said}`)
    yield* check(stage.simulators.alpha?.requests.length === 0, 'a provider was asked')

    yield* checkContent(yield* stage.client({ environment: { ANTHROPIC_AUTH_TOKEN: secret } }))
    yield* check(stage.fileText('story.txt') === 'alpha\ngamma\n', 'the task was not done')
    const log = yield* stage.log
    const admitted = log.flatMap((event) => (event._tag === 'RequestAdmitted' ? [event] : []))
    yield* check(admitted.length > 0 && admitted.every(({ clientKey }) => clientKey === 'ci'), 'a request has no key')
    const upstream = JSON.stringify(stage.simulators.alpha?.requests.map(({ headers }) => headers))
    yield* check(!upstream.includes('sbx_'), 'a provider was shown the key')
    yield* checkLog(stage)
    return `stopped after ${(ms / 1000).toFixed(1)} s: ${said.slice(0, 120)}`
  }),
}

export const clientKeys: readonly Scenario[] = [rightAndWrongKey]
