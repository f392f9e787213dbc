/**
 * Where the CPU goes: runs a proxy under V8's sampling profiler with the benchmark's load and prints self time per request
 * by group and by function, of the load only. Usage:
 *   node bench/profile.ts [--kind json|stream|boot] [--target signalbox|bare] [--way passed|translated]
 *     [--requests N] [--top N] [--keep FOLDER]
 * `--kind boot` shows the start on an empty log instead, up to the first 200 of /readyz. `--keep` leaves the .cpuprofile files there, for a viewer such as Chrome's.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { STREAM_PAUSE_MS } from './answers.ts'
import { claudeCodeCall, load, translatedCall } from './load.ts'
import { startScript } from './process.ts'
import { startSignalbox } from './signalbox.ts'

interface Frame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[]
  /** µs on the monotonic clock, the one of process.hrtime. */
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'json' },
    target: { type: 'string', default: 'signalbox' },
    way: { type: 'string', default: 'passed' },
    main: { type: 'string', default: 'src/main.ts' },
    requests: { type: 'string', default: '4000' },
    concurrency: { type: 'string', default: '8' },
    top: { type: 'string', default: '25' },
    keep: { type: 'string' },
  },
})

const SAMPLE_EVERY_US = 250
const IDLE = new Set(['(idle)', '(root)'])

const monotonicUs = (): number => Number(process.hrtime.bigint() / 1_000n)

const run = async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const folder = values.keep === undefined ? join(temporary, 'profiles') : resolve(values.keep)
  mkdirSync(folder, { recursive: true })
  const boot = values.kind === 'boot'
  const requests = boot ? 1 : Number(values.requests)
  const kind = values.kind === 'stream' ? 'stream' : 'json'
  const way = values.way === 'translated' ? 'translated' : 'passed'
  const call = way === 'translated' ? translatedCall(kind) : claudeCodeCall(kind)
  const nodeFlags = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${SAMPLE_EVERY_US}`]
  const upstream = await startScript('upstream.ts', {
    UPSTREAM_PAUSE_MS: String(call.kind === 'stream' ? STREAM_PAUSE_MS : 0),
  })
  try {
    const server =
      values.target === 'bare'
        ? await startScript('bare.ts', { BARE_UPSTREAM: upstream.url }, nodeFlags)
        : await startSignalbox({ main: values.main, folder: temporary, upstream: upstream.url, way, nodeFlags })
    const one = { requests, concurrency: Number(values.concurrency) }
    let from = 0
    let cpuBefore = 0
    let threadsBefore: ReadonlyMap<string, number> = new Map()
    if (!boot) {
      await load(server.url, call, one)
      cpuBefore = server.cpuMs()
      threadsBefore = server.threadCpuMs()
      from = monotonicUs()
      await load(server.url, call, one)
    }
    const to = monotonicUs()
    const cpuMs = server.cpuMs() - cpuBefore
    const threads = [...server.threadCpuMs()].map(([name, ms]) => [name, ms - (threadsBefore.get(name) ?? 0)] as const)
    await server.stop()
    const profiles = readdirSync(folder)
      .filter((name) => name.endsWith('.cpuprofile'))
      .map((name) => ({
        // CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile
        thread: Number(name.split('.').at(-3)),
        profile: JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile,
      }))
    const inMain = profiles.filter(({ thread }) => thread === 0)
    const inWorkers = profiles.filter(({ thread }) => thread !== 0)
    return {
      requests,
      cpuMs,
      threads,
      main: selfTimes(
        inMain.map(({ profile }) => profile),
        from,
        to,
      ),
      workers: selfTimes(
        inWorkers.map(({ profile }) => profile),
        from,
        to,
      ),
    }
  } finally {
    await upstream.stop()
    rmSync(temporary, { recursive: true, force: true })
  }
}

interface SelfTime {
  readonly frame: Frame
  us: number
}

/** By frame, of the samples between two moments. */
const selfTimes = (profiles: readonly CpuProfile[], from: number, to: number): readonly SelfTime[] => {
  const byFrame = new Map<string, SelfTime>()
  for (const { nodes, startTime, samples, timeDeltas } of profiles) {
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
    let at = startTime
    samples.forEach((id, index) => {
      const us = timeDeltas[index] ?? 0
      at += us
      const frame = frames.get(id)
      if (frame === undefined || at < from || at > to || IDLE.has(frame.functionName)) return
      const key = `${frame.functionName} ${frame.url}:${frame.lineNumber}`
      const known = byFrame.get(key)
      if (known === undefined) byFrame.set(key, { frame, us })
      else known.us += us
    })
  }
  return [...byFrame.values()]
}

/** A package, a room of ours, Node's own JavaScript, or what V8 says of itself. */
const groupOf = ({ url, functionName }: Frame): string => {
  if (url === '') return functionName.startsWith('(') ? functionName : 'native'
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/')
  return /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? /\/((?:src\/[^/]+|bench)\/[^/]+)/.exec(url)?.[1] ?? url
}

const place = ({ url, lineNumber }: Frame): string =>
  url === '' ? '' : `${/(?:node_modules\/|\/(?=src\/|bench\/)|^(?=node:))(.*)/.exec(url)?.[1] ?? url}:${lineNumber + 1}`

const { requests, cpuMs, threads, main, workers } = await run()

const print = (title: string, times: readonly SelfTime[]): void => {
  const top = Number(values.top)
  const total = times.reduce((sum, { us }) => sum + us, 0)
  const line = (us: number, text: string): void =>
    console.log(
      `${(us / requests).toFixed(1).padStart(8)} µs  ${((us / total) * 100).toFixed(1).padStart(5)} %  ${text}`,
    )
  console.log(`\n${title}: ${(total / requests).toFixed(0)} µs each; self time by group`)
  const groups = [...Map.groupBy(times, ({ frame }) => groupOf(frame))]
    .map(([name, rows]) => ({ name, us: rows.reduce((sum, { us }) => sum + us, 0) }))
    .sort((a, b) => b.us - a.us)
  for (const { name, us } of groups.slice(0, top)) line(us, name)
  console.log(`\n${title}: self time by function`)
  const functions = times.toSorted((a, b) => b.us - a.us)
  for (const { frame, us } of functions.slice(0, top))
    line(us, `${frame.functionName || '(anonymous)'}  ${place(frame)}`)
}

console.log(
  `${values.target}, ${values.kind}, ${values.way}: ${(cpuMs / requests).toFixed(3)} ms of CPU each (${requests} times, under the profiler)`,
)
for (const [name, ms] of threads) console.log(`  ${(ms / requests).toFixed(3)} ms  ${name}`)
print('main thread', main)
// A thread in a system call is not idle to the profiler: waits for the disk count here, though they cost no CPU.
if (workers.length > 0) print('worker threads, waits included', workers)
