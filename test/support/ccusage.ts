/**
 * The real ccusage on a folder of Claude Code's files, without the network and without anybody's own settings.
 */
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Effect } from 'effect'

const BIN = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url))

interface Sums {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheCreationTokens: number
  readonly cacheReadTokens: number
}

export interface CcusageReport {
  readonly totals: Sums & { readonly totalCost: number }
  readonly daily: readonly (Sums & {
    readonly date: string
    readonly modelBreakdowns: readonly (Sums & { readonly modelName: string; readonly cost: number })[]
  })[]
}

/**
 * By day: the report by session leaves sessions out that have a cost but no tokens.
 *
 * @param folder with `projects` in it
 * @param mode `display`: the costs in the files; `calculate`: by its own table; `auto`: the files' where they have one
 */
export const ccusage = (
  folder: string,
  mode: 'display' | 'calculate' | 'auto' = 'auto',
): Effect.Effect<CcusageReport> =>
  Effect.callback((resume) => {
    const args = ['claude', 'daily', '--json', '--offline', '--mode', mode, '--timezone', 'UTC']
    execFile(
      `${BIN}/ccusage`,
      args,
      {
        cwd: folder,
        maxBuffer: 64 * 1024 * 1024,
        env: { PATH: `${BIN}:${process.env.PATH ?? ''}`, HOME: tmpdir(), CLAUDE_CONFIG_DIR: folder },
      },
      (error, stdout, stderr) =>
        resume(
          error === null
            ? Effect.sync(() => JSON.parse(stdout) as CcusageReport)
            : Effect.die(new Error(`ccusage: ${stderr || error.message}`)),
        ),
    )
  })
