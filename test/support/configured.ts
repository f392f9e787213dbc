/**
 * Providers as the configuration makes them: the entries of a signalbox.yaml, resolved with presets and defaults.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Effect, type Scope } from 'effect'
import type { Config } from '#infra/config/config.ts'
import { loadConfig } from '#infra/config/load.ts'

/** @param file the content of the configuration file; @param environment all that the configuration sees of it. */
export const configured = (
  file: object,
  environment: Readonly<Record<string, string>> = {},
): Effect.Effect<Config, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), 'signalbox-config-'))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true })),
    )
    const path = join(folder, 'signalbox.yaml')
    writeFileSync(path, JSON.stringify(file))
    return yield* loadConfig({ file: path, environment, cwd: folder, home: folder })
  }).pipe(Effect.orDie)
