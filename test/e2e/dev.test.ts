/**
 * `npm run dev`: Node's watch mode reports loaded files through the worker threads' own messages, beside ours.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { scratchFolder } from '#test/signalbox-process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

it.live(
  'the watched process serves',
  () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
      const [run, runner, node, ...args] = scripts.dev.split(' ')
      expect([run, runner, node]).toEqual(['node', 'scripts/run.mjs', 'node'])
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn(process.execPath, [...args, '--port', '0'], {
            cwd: ROOT,
            env: { PATH: process.env.PATH, HOME: folder, SIGNALBOX_DATABASE_URL: `sqlite:${join(folder, 'log.db')}` },
            stdio: ['ignore', 'pipe', 'pipe'],
          }),
        ),
        (started) =>
          Effect.callback<void>((resume) => {
            started.once('exit', () => resume(Effect.void))
            started.kill('SIGTERM')
          }),
      )
      const said = yield* Effect.callback<string>((resume) => {
        let text = ''
        const hear = (chunk: Buffer) => {
          text += chunk
          if (/listens on|Failed running/.test(text)) resume(Effect.succeed(text))
        }
        child.stdout.on('data', hear)
        child.stderr.on('data', hear)
      })
      expect(said).not.toContain('Failed running')
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? []
      expect((yield* Effect.promise(() => fetch(`${url}/readyz`))).status).toBe(200)
    }),
  60_000,
)
