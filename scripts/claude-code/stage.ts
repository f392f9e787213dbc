/**
 * What every scenario needs: simulated providers that share a story, a Signalbox process in front of them, a project
 * folder, the client. A check that fails ends its scenario with a sentence.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Data, Effect, type Scope } from 'effect'
import type { DomainEvent } from '#domain/events.ts'
import type { Script } from '#infra/simulator/script.ts'
import { type Simulator, startSimulator } from '#infra/simulator/simulator.ts'
import type { Story } from '#infra/simulator/story.ts'
import { scratchFolder, startProcess } from '#test/signalbox-process.ts'
import { environmentFor, type Kind, startGoogle } from '../../test/e2e/kind.ts'
import { type ClientResult, type ClientRun, clientBin, runClient } from './run-client.ts'
import { resultOf, retries, transcript } from './transcript.ts'

export class CheckFailed extends Data.TaggedError('CheckFailed')<{ readonly message: string }> {}

export const check = (holds: boolean, message: string): Effect.Effect<void, CheckFailed> =>
  holds ? Effect.void : Effect.fail(new CheckFailed({ message }))

export interface StageOptions {
  /** Made for the project's folder, because tools take absolute paths. */
  readonly story: (folder: { readonly cwd: string }) => Story
  /** Default: one provider, `alpha`, without a script. */
  readonly scripts?: { readonly [id: string]: Script }
  /** Of which kinds the providers are; the others have the Anthropic format and take any key. */
  readonly kinds?: { readonly [id: string]: Kind }
  /** Added to each provider of the configuration, e.g. time limits. */
  readonly provider?: object
  /** Added to the configuration. */
  readonly config?: object
}

export type Box = Effect.Success<ReturnType<typeof startProcess>>

export interface Stage {
  readonly simulators: { readonly [id: string]: Simulator }
  readonly box: Box
  /** The project's folder. */
  readonly cwd: string
  readonly home: string
  /** Runs the client through Signalbox, or where `url` says. */
  readonly client: (run?: Partial<ClientRun>) => Effect.Effect<ClientResult>
  readonly fileText: (name: string) => string
  /** Everything that the log holds. */
  readonly log: Effect.Effect<readonly DomainEvent[]>
  readonly transcript: (result: ClientResult) => readonly string[]
}

export const setStage = (options: StageOptions): Effect.Effect<Stage, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* scratchFolder
    const [cwd, home] = [join(folder, 'project'), join(folder, 'home')]
    mkdirSync(cwd)
    mkdirSync(home)
    const story = options.story({ cwd })
    const google = yield* startGoogle
    const started = yield* Effect.forEach(Object.entries(options.scripts ?? { alpha: [] }), ([id, script], index) =>
      Effect.map(
        (options.kinds?.[id] ?? plainKind).start({ id, story, script, google }),
        ({ simulator, provider }) => ({
          id,
          simulator,
          provider: { ...provider, priority: index + 1, ...options.provider },
        }),
      ),
    )
    const box = yield* startProcess({
      config: {
        routing: { strategy: 'priority' },
        providers: Object.fromEntries(started.map(({ id, provider }) => [id, provider])),
        ...options.config,
      },
      environment: { ...environmentFor(google), PATH: `${clientBin}:${process.env.PATH ?? ''}` },
    })
    return {
      simulators: Object.fromEntries(started.map(({ id, simulator }) => [id, simulator])),
      box,
      cwd,
      home,
      client: (run) => runClient({ url: box.url, prompt: 'Do what the story says.', cwd, home, ...run }),
      fileText: (name) => readFileSync(join(cwd, name), 'utf8'),
      log: Effect.map(box.events, (events) => events.map(({ event }) => event)),
      transcript: (result) => transcript(result, [cwd, home, folder]),
    }
  })

const plainKind: Pick<Kind, 'start'> = {
  start: ({ id, story, script = [] }) =>
    Effect.gen(function* () {
      const simulator = yield* Effect.orDie(startSimulator({ id, script, ...(story === undefined ? {} : { story }) }))
      return { simulator, provider: { kind: 'anthropic-compatible', baseUrl: simulator.url } }
    }),
}

/** The client was content, and saw no trouble. */
export const checkContent = (result: ClientResult): Effect.Effect<void, CheckFailed> =>
  Effect.gen(function* () {
    yield* checkFinished(result)
    const seen = retries(result)
    yield* check(seen.length === 0, `the client saw ${seen.length} retries: ${JSON.stringify(seen[0])}`)
  })

/** The client came to a good end, whatever it saw on the way. */
export const checkFinished = (result: ClientResult): Effect.Effect<void, CheckFailed> =>
  Effect.gen(function* () {
    const end = resultOf(result)
    const said = JSON.stringify(end?.result ?? result.stdout.slice(-300))
    yield* check(result.code === 0, `the client's exit code is ${result.code}: ${said} ${result.stderr.slice(-300)}`)
    yield* check(end?.is_error === false, `the client ended with an error: ${said}`)
  })

/** One terminal event for each request, nothing in flight, and a replay that is identical. */
export const checkLog = (stage: Stage): Effect.Effect<void, CheckFailed> =>
  Effect.gen(function* () {
    const log = yield* stage.log
    const ended = new Map<string, number>()
    for (const event of log) if (event._tag === 'RequestAdmitted') ended.set(event.requestId, 0)
    for (const event of log) {
      if (
        ['AttemptSucceeded', 'RequestFailed', 'RequestCancelled', 'RequestAbandoned'].includes(event._tag) &&
        'requestId' in event
      ) {
        ended.set(event.requestId, (ended.get(event.requestId) ?? 0) + 1)
      }
    }
    const odd = [...ended].filter(([, ends]) => ends !== 1)
    yield* check(
      odd.length === 0,
      `requests without exactly one end: ${odd.map(([id, ends]) => `${id} ${ends}`).join(', ')}`,
    )
    const replayed = yield* stage.box.command('replay', '--json')
    yield* check(replayed.code === 0, `the replay differs: ${replayed.stdout}${replayed.stderr}`)
  })

/** The same happened, in whatever order: tools that were called at once end when they end. */
export const checkTranscript = (got: readonly string[], wanted: readonly string[]): Effect.Effect<void, CheckFailed> =>
  checkSame('the sorted transcript', got.toSorted(), wanted.toSorted())

/** Two lists are equal, or the sentence says where they part. */
export const checkSame = (
  what: string,
  got: readonly string[],
  wanted: readonly string[],
): Effect.Effect<void, CheckFailed> => {
  const at = Array.from({ length: Math.max(got.length, wanted.length) }).findIndex((_, i) => got[i] !== wanted[i])
  return check(
    at === -1,
    `${what}: line ${at + 1} is ${got[at] ?? 'missing'}, not ${wanted[at] ?? 'there without Signalbox'}`,
  )
}

export const successes = (log: readonly DomainEvent[]) =>
  log.flatMap((event) => (event._tag === 'AttemptSucceeded' ? [event] : []))
