import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from '@effect/vitest'
import { Effect, Queue } from 'effect'
import { expect } from 'vitest'
import { loadConfig } from '#infra/config/load.ts'
import { watchConfig } from '#infra/config/watch.ts'
import { place, type TestPlace } from './place.ts'

const text = (fallbacks: number, more = '') =>
  `providers: { a: { kind: anthropic } }\nrouting: { maxFallbacks: ${fallbacks} }\n${more}`

type Report =
  | {
      readonly _tag: 'Changed'
      readonly maxFallbacks: number
      readonly source: string
      readonly changed: readonly string[]
    }
  | { readonly _tag: 'Failed'; readonly source: string; readonly problems: number }

/** Watches the place; answers what is reported, in order. */
const watching = Effect.fnUntraced(function* (at: TestPlace, options = at.options, load = loadConfig(options)) {
  const reports = yield* Queue.unbounded<Report>()
  yield* watchConfig({
    initial: at.good(options),
    load,
    onChange: (config, source, changed) =>
      Queue.offer(reports, { _tag: 'Changed', maxFallbacks: config.routing.maxFallbacks, source, changed }),
    onError: (error, source) => Queue.offer(reports, { _tag: 'Failed', source, problems: error.problems.length }),
  })
  return Queue.take(reports)
})

const changedTo = (maxFallbacks: number, source = 'file') => ({
  _tag: 'Changed',
  maxFallbacks,
  source,
  changed: ['routing.maxFallbacks'],
})

describe('watching the configuration', () => {
  it.live('reports a change of the file once, with the keys', () =>
    Effect.gen(function* () {
      const at = place({ 'signalbox.yaml': text(1) })
      const next = yield* watching(at)
      at.write('signalbox.yaml', text(2))
      expect(yield* next).toEqual(changedTo(2))
      at.write('signalbox.yaml', text(3))
      expect(yield* next).toEqual(changedTo(3))
    }),
  )

  it.live('sees a file that an editor replaced by renaming, more than once', () =>
    Effect.gen(function* () {
      const at = place({ 'signalbox.yaml': text(1) })
      const next = yield* watching(at)
      for (const fallbacks of [2, 3]) {
        renameSync(at.write('.signalbox.yaml.swp', text(fallbacks)), join(at.folder, 'signalbox.yaml'))
        expect(yield* next).toEqual(changedTo(fallbacks))
      }
    }),
  )

  it.live('says nothing of other words for the same, and keeps the old configuration while the file is bad', () =>
    Effect.gen(function* () {
      const at = place({ 'signalbox.yaml': text(1) })
      const loads = yield* Queue.unbounded<string>()
      const load = Effect.tap(
        Effect.suspend(() => Effect.result(loadConfig(at.options))),
        (result) => Queue.offer(loads, result._tag),
      ).pipe(Effect.flatMap(Effect.fromResult))
      const next = yield* watching(at, at.options, load)
      const loaded = (tag: string) => Effect.repeat(Queue.take(loads), { until: (found) => found === tag })
      const writeAndLoad = (content: string, tag: string) => {
        at.write('signalbox.yaml', content)
        return loaded(tag)
      }
      yield* loaded('Success')
      yield* writeAndLoad(text(1, '# a remark\n'), 'Success')
      yield* writeAndLoad(text(2, 'nonsense: 1\n'), 'Failure')
      expect(yield* next).toEqual({ _tag: 'Failed', source: 'file', problems: 1 })
      // The same complaint again, and back to what is in force: nothing to report, so the next report is the change after it.
      yield* writeAndLoad(text(3, 'nonsense: 1\n'), 'Failure')
      yield* writeAndLoad(text(1), 'Success')
      at.write('signalbox.yaml', text(4))
      expect(yield* next).toEqual(changedTo(4))
    }),
  )

  it.live('loads on SIGHUP, and says that it was the signal', () =>
    Effect.gen(function* () {
      const at = place({ 'signalbox.yaml': text(1) })
      let fallbacks = 5
      const reports = yield* Queue.unbounded<string>()
      yield* watchConfig({
        initial: at.good(),
        // Something else than a file changed: the environment, say.
        load: Effect.suspend(() =>
          loadConfig({ ...at.options, environment: { SIGNALBOX_ROUTING__MAX_FALLBACKS: String(fallbacks) } }),
        ),
        onChange: (config, source) => Queue.offer(reports, `${source} ${config.routing.maxFallbacks}`),
        onError: () => Effect.void,
      })
      expect(yield* Queue.take(reports)).toBe('file 5')
      fallbacks = 6
      process.emit('SIGHUP')
      expect(yield* Queue.take(reports)).toBe('signal 6')
    }),
  )

  it.live('follows included files, new files of a pattern, and an included file that was bad when it came', () =>
    Effect.gen(function* () {
      const at = place({ 'signalbox.yaml': `${text(1)}include: more/*.yaml`, 'more/x.yaml': '' })
      const next = yield* watching(at)
      at.write('more/y.yaml', 'log: { level: debug }')
      expect(yield* next).toMatchObject({ changed: ['log.level'] })
      at.write('other/z.yaml', 'server: { port: x }')
      at.write('signalbox.yaml', `${text(1)}include: [more/*.yaml, other/z.yaml]`)
      expect(yield* next).toMatchObject({ _tag: 'Failed' })
      at.write('other/z.yaml', 'server: { port: 7 }')
      expect(yield* next).toMatchObject({ changed: ['server.port'] })
    }),
  )

  it.live('sees a ConfigMap of Kubernetes being swapped', () =>
    Effect.gen(function* () {
      const at = place({ 'v1/signalbox.yaml': text(1), 'v2/signalbox.yaml': text(2) })
      const mount = join(at.folder, 'mount')
      mkdirSync(mount)
      symlinkSync('../v1', join(mount, '..data'))
      symlinkSync('..data/signalbox.yaml', join(mount, 'signalbox.yaml'))
      const next = yield* watching(at, { ...at.options, file: join(mount, 'signalbox.yaml') })
      symlinkSync('../v2', join(mount, '..data_tmp'))
      renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
      expect(yield* next).toEqual(changedTo(2))
    }),
  )

  it.live('works again on SIGHUP after its folder was made anew', () =>
    Effect.gen(function* () {
      const at = place({ 'etc/signalbox.yaml': text(1) })
      const next = yield* watching(at, { ...at.options, file: 'etc/signalbox.yaml' })
      rmSync(join(at.folder, 'etc'), { recursive: true })
      at.write('etc/signalbox.yaml', text(2))
      process.emit('SIGHUP')
      const first = yield* next
      // The folder may have been read while it was gone.
      expect(first._tag === 'Failed' ? yield* next : first).toMatchObject({ maxFallbacks: 2 })
      writeFileSync(join(at.folder, 'etc/signalbox.yaml'), text(3))
      expect(yield* next).toMatchObject({ maxFallbacks: 3, source: 'file' })
    }),
  )

  it.live('stops with its scope', () =>
    Effect.gen(function* () {
      const before = process.listenerCount('SIGHUP')
      yield* Effect.scoped(watching(place({ 'signalbox.yaml': text(1) })))
      expect(process.listenerCount('SIGHUP')).toBe(before)
    }),
  )
})
