/**
 * The real Claude Code at work while what it stands on is broken: one task after the other. A task may come to its right result, or end
 * with an error that says so; what it may never do is end well with a wrong result.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Effect } from 'effect'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { scratchFolder } from '#test/signalbox-process.ts'
import { type ClientRun, runClient } from '../claude-code/run-client.ts'
import { checkFinished } from '../claude-code/stage.ts'
import { task } from '../claude-code/task.ts'
import { resultOf, retries, transcript } from '../claude-code/transcript.ts'

interface Work {
  readonly url: string
  readonly providers: readonly Simulator[]
  readonly isOver: () => boolean
}

interface Tasks {
  readonly note: (text: string) => void
  /** Whether an error that is told is as good as a right result; default: no, the client repeats what was cut off. */
  readonly mayFail?: boolean
  readonly client?: Pick<ClientRun, 'environment'>
}

/** Until it is over; answers what was wrong. */
export const claudeCodeTasks =
  ({ note, mayFail = false, client = {} }: Tasks) =>
  ({ url, providers, isOver }: Work): Effect.Effect<readonly string[]> =>
    Effect.gen(function* () {
      const problems: string[] = []
      for (let n = 1; !isOver(); n++) {
        const folder = yield* scratchFolder
        const [cwd, home] = [join(folder, 'project'), join(folder, 'home')]
        mkdirSync(cwd)
        mkdirSync(home)
        for (const provider of providers) provider.tell(task({ cwd }))
        const result = yield* runClient({ url, prompt: 'Do what the story says.', cwd, home, ...client })
        const finished = yield* Effect.exit(checkFinished(result))
        const text = yield* Effect.sync(() => readFileSync(join(cwd, 'story.txt'), 'utf8')).pipe(Effect.exit)
        const isRight = finished._tag === 'Success' && text._tag === 'Success' && text.value === 'alpha\ngamma\n'
        const isHonest = mayFail && result.code !== 0 && resultOf(result)?.is_error === true
        const verdict = isRight ? 'right' : isHonest ? `failed and said so: ${said(result)}` : 'WRONG'
        note(`Claude Code task ${n}: ${verdict}, ${retries(result).length} retries seen`)
        if (!isRight && !isHonest) {
          const found = text._tag === 'Success' ? JSON.stringify(text.value) : 'no story.txt'
          const lines = transcript(result, [cwd, home, folder]).join('\n    ')
          problems.push(`Claude Code task ${n}: ${finished._tag}, ${found}\n    ${lines}`)
        }
      }
      return problems
    }).pipe(Effect.scoped)

const said = (result: Parameters<typeof resultOf>[0]): string => String(resultOf(result)?.result).slice(0, 200)
