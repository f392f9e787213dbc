/**
 * Runs the benchmarks and prints a table. docs/benchmarks.md says what is measured and how; `--help` lists the options.
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { STREAM_PAUSE_MS } from './answers.ts'
import { measureBooks } from './books.ts'
import { measureBoot } from './boot.ts'
import { compare } from './compare.ts'
import { measureDashboards } from './dashboards.ts'
import { measureDecision } from './decision.ts'
import { measureDisk } from './disk.ts'
import { type LargeCost, measureLarge } from './large.ts'
import { measureOverload } from './overload.ts'
import { measureReplay } from './replay.ts'
import { printReport, type Report, verdicts } from './report.ts'
import { signalboxExists, WAYS } from './signalbox.ts'
import { measureStateAt } from './state-at.ts'
import { measureStreams } from './streams.ts'
import { measureTranslation } from './translation.ts'

const SECTIONS = [
  'json',
  'stream',
  'burst',
  'chat-json',
  'chat-stream',
  'large',
  'streams',
  'overload',
  'dashboards',
  'decision',
  'boot',
  'books',
  'state-at',
  'replay',
  'disk',
] as const
type Section = (typeof SECTIONS)[number]

const FULL = {
  rounds: 9,
  requests: 2_000,
  warmUp: 3_000,
  latencyRequests: 1_000,
  largeRepetitions: 9,
  largeRequests: 10,
  streams: 2_000,
  streamTicks: 30,
  overloadStreams: 4_000,
  dashboardRounds: 5,
  dashboardSeconds: 20,
  decisionRounds: 9,
  decisionRequests: 250_000,
  diskRequests: 10_000,
  bootRequests: 1_000_000,
  bootTimes: 5,
  replayRequests: 250_000,
  replayTimes: 5,
  booksTimes: 15,
  stateRequests: 250_000,
  stateMoments: 9,
}
const QUICK = {
  rounds: 3,
  requests: 500,
  warmUp: 500,
  latencyRequests: 200,
  largeRepetitions: 5,
  largeRequests: 5,
  streams: 500,
  streamTicks: 12,
  overloadStreams: 400,
  dashboardRounds: 2,
  dashboardSeconds: 8,
  decisionRounds: 5,
  decisionRequests: 50_000,
  diskRequests: 2_000,
  bootRequests: 20_000,
  bootTimes: 2,
  replayRequests: 25_000,
  replayTimes: 2,
  booksTimes: 5,
  stateRequests: 50_000,
  stateMoments: 3,
}

const HELP = `Usage: npm run bench -- [options]

  --quick                 fewer requests, a smaller log; for a first look
  --only SECTION          ${SECTIONS.join(' | ')}; may be given several times
  --check                 exit 1 when a figure is above its limit
  --json                  print JSON
  --main PATH             the main.ts of the Signalbox to measure (default src/main.ts)
  --bare                  only the baseline, without Signalbox
  --rounds N  --requests N  --warm-up N  --concurrency N  --latency-requests N
  --pause MS              between the 15 writes of the stream (default ${STREAM_PAUSE_MS}; \`burst\` is always 0)
  --large-bytes N  --large-repetitions N  --large-requests N
  --streams N             streams at once
  --disk-requests N
  --boot-requests N  --boot-times N  --state-requests N  --replay-requests N  --replay-times N
  --boot-folder PATH      keep the log of boot and books there and use it again
`

const usage = (message: string): never => {
  console.error(`bench: ${message}\n\n${HELP}`)
  process.exit(2)
}

const parse = () => {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true },
        check: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        main: { type: 'string', default: 'src/main.ts' },
        bare: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        requests: { type: 'string' },
        'warm-up': { type: 'string' },
        concurrency: { type: 'string' },
        'latency-requests': { type: 'string' },
        pause: { type: 'string' },
        'large-bytes': { type: 'string' },
        'large-repetitions': { type: 'string' },
        'large-requests': { type: 'string' },
        streams: { type: 'string' },
        'disk-requests': { type: 'string' },
        'boot-requests': { type: 'string' },
        'boot-times': { type: 'string' },
        'boot-folder': { type: 'string' },
        'state-requests': { type: 'string' },
        'replay-requests': { type: 'string' },
        'replay-times': { type: 'string' },
      },
    }).values
  } catch (error) {
    return usage((error as Error).message)
  }
}

const values = parse()
if (values.help) {
  console.log(HELP)
  process.exit(0)
}

const count = (text: string | undefined, otherwise: number): number => {
  if (text === undefined) return otherwise
  const value = Number(text)
  return Number.isInteger(value) && value >= 0 ? value : usage(`${text} is not a whole number`)
}

const sections = (values.only ?? SECTIONS).map((name): Section => {
  const section = SECTIONS.find((known) => known === name)
  return section ?? usage(`unknown section ${name}; there are ${SECTIONS.join(', ')}`)
})

const sizes = values.quick ? QUICK : FULL
const note = (text: string): void => console.error(text)
const main = !values.bare && signalboxExists(values.main) ? values.main : undefined
if (main === undefined && values.check)
  usage(`--check needs Signalbox; ${values.bare ? 'leave --bare out' : `there is no ${values.main}`}`)
if (main === undefined && !values.bare) note(`bench: there is no ${values.main}; measuring the baseline only`)

const comparison = {
  main,
  rounds: count(values.rounds, sizes.rounds),
  requests: count(values.requests, sizes.requests),
  warmUp: count(values['warm-up'], sizes.warmUp),
  concurrency: count(values.concurrency, 8),
  latencyRequests: count(values['latency-requests'], sizes.latencyRequests),
  note,
}
const pauseMs = count(values.pause, STREAM_PAUSE_MS)

/** 5 MB: a conversation of about a million tokens. */
const LARGE_BYTES = 5_000_000
const large = {
  bytes: count(values['large-bytes'], LARGE_BYTES),
  repetitions: count(values['large-repetitions'], sizes.largeRepetitions),
  requests: count(values['large-requests'], sizes.largeRequests),
  note,
}

/** A busy box of a small team, all of whom look on. */
const DASHBOARDS = { perMinute: 2_000, pages: 5, history: 20_000 }

const wanted = (section: Section): boolean => sections.includes(section)

/** What Signalbox does for other upstreams than the one that takes all as it is. */
const measureUpstreams = async (main: string): Promise<Pick<Report, 'chatJson' | 'chatStream' | 'large'>> => {
  const translation = { ...comparison, main }
  return {
    ...(wanted('chat-json')
      ? { chatJson: await measureTranslation('chat-json', 'json', { ...translation, pauseMs: 0 }) }
      : {}),
    ...(wanted('chat-stream')
      ? { chatStream: await measureTranslation('chat-stream', 'stream', { ...translation, pauseMs }) }
      : {}),
    ...(wanted('large') ? { large: await measureWays(main) } : {}),
  }
}

/** One after the other: they would disturb each other. */
const measureWays = async (main: string): Promise<readonly LargeCost[]> => {
  const costs: LargeCost[] = []
  for (const way of WAYS) costs.push(await measureLarge(way, { ...large, main }))
  return costs
}

const measure = async (): Promise<Report> => ({
  at: new Date().toISOString(),
  node: process.version,
  processor: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
  ...(wanted('json') ? { json: await compare('json', 'json', { ...comparison, pauseMs: 0 }) } : {}),
  ...(wanted('stream') ? { stream: await compare('stream', 'stream', { ...comparison, pauseMs }) } : {}),
  ...(wanted('burst') ? { burst: await compare('burst', 'stream', { ...comparison, pauseMs: 0 }) } : {}),
  ...(main === undefined ? {} : await measureUpstreams(main)),
  ...(wanted('streams') && main !== undefined
    ? {
        streams: await measureStreams({
          ...{ main, streams: count(values.streams, sizes.streams), ticks: sizes.streamTicks, note },
        }),
      }
    : {}),
  ...(wanted('overload') && main !== undefined
    ? { overload: await measureOverload({ main, taken: sizes.overloadStreams, note }) }
    : {}),
  ...(wanted('dashboards') && main !== undefined
    ? {
        dashboards: await measureDashboards({
          main,
          ...DASHBOARDS,
          rounds: sizes.dashboardRounds,
          seconds: sizes.dashboardSeconds,
          note,
        }),
      }
    : {}),
  ...(wanted('decision')
    ? { decision: measureDecision({ rounds: sizes.decisionRounds, requests: sizes.decisionRequests, note }) }
    : {}),
  ...(wanted('disk') && main !== undefined
    ? { disk: await measureDisk(main, count(values['disk-requests'], sizes.diskRequests)) }
    : {}),
  ...(wanted('books')
    ? {
        books: await measureBooks({
          requests: count(values['boot-requests'], sizes.bootRequests),
          times: sizes.booksTimes,
          folder: values['boot-folder'],
          note,
        }),
      }
    : {}),
  ...(wanted('state-at') && main !== undefined
    ? {
        stateAt: await measureStateAt({
          main,
          requests: count(values['state-requests'], sizes.stateRequests),
          moments: sizes.stateMoments,
          note,
        }),
      }
    : {}),
  ...(wanted('replay') && main !== undefined
    ? {
        replay: await measureReplay({
          main,
          requests: count(values['replay-requests'], sizes.replayRequests),
          times: count(values['replay-times'], sizes.replayTimes),
          note,
        }),
      }
    : {}),
  ...(wanted('boot')
    ? {
        boot: await measureBoot({
          main,
          requests: count(values['boot-requests'], sizes.bootRequests),
          times: count(values['boot-times'], sizes.bootTimes),
          folder: values['boot-folder'],
          note,
        }),
      }
    : {}),
})

const report = await measure().catch((error: unknown) => {
  note(`bench: ${(error as Error).message}`)
  process.exit(1)
})

if (values.json) console.log(JSON.stringify({ ...report, verdicts: verdicts(report) }, null, 2))
else printReport(report)
const missed = verdicts(report).filter((verdict) => !verdict.met)
process.exitCode = values.check && missed.length > 0 ? 1 : 0
