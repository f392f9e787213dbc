/**
 * Nothing goes wrong: the client does its work through Signalbox and notices nothing of it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Effect } from 'effect'
import type { Simulator } from '#infra/simulator/simulator.ts'
import * as stories from '#infra/simulator/stories.ts'
import type { Scenario } from './scenario.ts'
import {
  check,
  checkContent,
  checkLog,
  checkSame,
  checkTranscript,
  type StageOptions,
  setStage,
  successes,
} from './stage.ts'
import { resultOf } from './transcript.ts'

/** The same story without Signalbox between. */
export const withoutSignalbox = (story: StageOptions['story'], scripts?: StageOptions['scripts']) =>
  Effect.scoped(
    Effect.gen(function* () {
      const stage = yield* setStage({ story, ...(scripts === undefined ? {} : { scripts }) })
      const result = yield* stage.client({ url: stage.simulators.alpha?.url ?? '' })
      return { result, lines: stage.transcript(result), calls: callsOf(stage.simulators.alpha) }
    }),
  )

/** The model calls that a provider got, as `S` (streamed) or `N`, with the number of messages. */
export const callsOf = (simulator: Simulator | undefined): readonly string[] =>
  (simulator?.requests ?? [])
    .filter(({ method, path }) => method === 'POST' && path.startsWith('/v1/messages?'))
    .map(({ body }) => {
      const call = JSON.parse(body.toString()) as { readonly stream?: boolean; readonly messages: readonly unknown[] }
      return `${call.stream === true ? 'S' : 'N'}${call.messages.length}`
    })

const plain: Scenario = {
  name: 'plain answer',
  play: Effect.gen(function* () {
    const stage = yield* setStage({ story: () => stories.plainAnswer() })
    const result = yield* stage.client()
    yield* checkContent(result)
    const straight = yield* withoutSignalbox(() => stories.plainAnswer())
    yield* checkTranscript(stage.transcript(result), straight.lines)
    yield* checkLog(stage)
    const log = yield* stage.log
    const [admitted] = log.flatMap((event) => (event._tag === 'RequestAdmitted' ? [event] : []))
    yield* check(successes(log).length === 1, `${successes(log).length} successes, not 1`)
    yield* check(/^[0-9a-f-]{36}$/.test(admitted?.sessionId ?? ''), 'the session id is not in the log')
    return `1 request of ${Math.round((admitted?.bodyBytes ?? 0) / 1000)} kB`
  }),
}

const tools: Scenario = {
  name: 'several tools over several turns',
  play: Effect.gen(function* () {
    const stage = yield* setStage({ story: stories.severalTools })
    const result = yield* stage.client()
    yield* checkContent(result)
    yield* check(
      stage.fileText('story.txt') === 'alpha\ngamma\n',
      `story.txt holds ${JSON.stringify(stage.fileText('story.txt'))}`,
    )
    const straight = yield* withoutSignalbox(stories.severalTools)
    yield* checkTranscript(stage.transcript(result), straight.lines)
    yield* checkLog(stage)
    const calls = callsOf(stage.simulators.alpha)
    yield* checkSame('the calls', calls, straight.calls)
    return `${calls.length} turns, transcript as without Signalbox`
  }),
}

const image: Scenario = {
  name: 'image read',
  play: Effect.gen(function* () {
    const stage = yield* setStage({ story: stories.imageRead })
    const result = yield* stage.client()
    yield* checkContent(result)
    const last = stage.simulators.alpha?.requests.at(-1)?.body.toString() ?? ''
    yield* check(
      /"type":"image","source":\{[^}]*"type":"base64"|"type":"base64"[^}]*"media_type":"image/.test(last),
      'no image reached the provider',
    )
    yield* checkLog(stage)
    const images = (yield* stage.log).map((event) => (event._tag === 'RequestAdmitted' ? event.images : 0))
    yield* check(Math.max(...images) === 1, `the log counts ${Math.max(...images)} images, not 1`)
    return 'the image reached the provider in a tool result'
  }),
}

const subAgent: Scenario = {
  name: 'sub-agent',
  play: Effect.gen(function* () {
    const stage = yield* setStage({ story: () => stories.subAgent() })
    const result = yield* stage.client()
    yield* checkContent(result)
    yield* checkLog(stage)
    const admitted = (yield* stage.log).flatMap((event) => (event._tag === 'RequestAdmitted' ? [event] : []))
    const byAgent = admitted.filter(({ agentId }) => agentId !== undefined)
    yield* check(byAgent.length === 2, `${byAgent.length} requests of the sub-agent are in the log, not 2`)
    yield* check(new Set(admitted.map(({ sessionId }) => sessionId)).size === 1, 'the sub-agent has another session')
    return `${admitted.length} requests, ${byAgent.length} of the sub-agent, one session`
  }),
}

const long: Scenario = {
  name: 'long stream',
  play: Effect.gen(function* () {
    const story = stories.longStream({ deltas: 5_000 })
    const stage = yield* setStage({ story: () => story })
    const result = yield* stage.client()
    yield* checkContent(result)
    const said = String(resultOf(result)?.result ?? '')
    yield* check(said.length > 55_000, `the answer has ${said.length} characters`)
    yield* checkLog(stage)
    const [success] = successes(yield* stage.log)
    return `${Math.round((success?.responseBytes ?? 0) / 1000)} kB in one stream`
  }),
}

const countTokens: Scenario = {
  name: 'token count of a big file',
  play: Effect.gen(function* () {
    const file = (cwd: string) => join(cwd, 'big.txt')
    const stage = yield* setStage({
      story: ({ cwd }) => ({
        main: [
          [{ type: 'tool_use', name: 'Read', input: { file_path: file(cwd) } }],
          [{ type: 'text', text: 'Simulated: it is a big file.' }],
        ],
      }),
    })
    writeFileSync(file(stage.cwd), 'A line of a big file, of no interest to anybody.\n'.repeat(3_000))
    const result = yield* stage.client()
    yield* checkContent(result)
    const counts = (stage.simulators.alpha?.requests ?? []).filter(({ path }) => path.includes('count_tokens'))
    yield* check(counts.length > 0, 'the provider was not asked for a count')
    yield* check(
      counts.every(({ status }) => status === 200),
      `a count was answered with ${counts.map(({ status }) => status)}`,
    )
    yield* checkLog(stage)
    const admitted = (yield* stage.log).filter((event) => event._tag === 'RequestAdmitted').length
    yield* check(admitted === callsOf(stage.simulators.alpha).length, 'counts are in the log')
    return `${counts.length} count of ${Math.round((counts[0]?.body.length ?? 0) / 1000)} kB, not in the log`
  }),
}

const discovery: Scenario = {
  name: 'model discovery',
  play: Effect.gen(function* () {
    const stage = yield* setStage({ story: stories.severalTools })
    const result = yield* stage.client({ environment: { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1' } })
    yield* checkContent(result)
    const path = join(stage.home, '.claude', 'cache', 'gateway-models.json')
    const cached = yield* Effect.try(() => readFileSync(path, 'utf8')).pipe(Effect.orElseSucceed(() => ''))
    yield* check(cached.includes('claude-opus-5-5'), `gateway-models.json holds ${cached.slice(0, 200) || 'nothing'}`)
    yield* check(cached.includes(stage.box.url), 'gateway-models.json does not name Signalbox')
    const count = cached.match(/"id":/g)?.length ?? 0
    return `${count} models cached by the client`
  }),
}

const code: Scenario = {
  name: 'signalbox code -- -p "…"',
  play: Effect.gen(function* () {
    const stage = yield* setStage({ story: () => stories.plainAnswer() })
    const ran = yield* stage.box.command('code', '--port', String(stage.box.port), '--', '-p', 'Say hello.')
    yield* check(ran.code === 0, `exit code ${ran.code}: ${ran.stdout.slice(-200)} ${ran.stderr.slice(-300)}`)
    yield* check(
      ran.stdout.includes("Simulated answer by provider 'alpha': hello."),
      `it printed ${ran.stdout.slice(0, 200)}`,
    )
    yield* checkLog(stage)
    yield* check(successes(yield* stage.log).length === 1, 'the request is not in the log')
    return 'claude was started with the right environment'
  }),
}

export const goodDays: readonly Scenario[] = [plain, tools, image, subAgent, long, countTokens, discovery, code]
