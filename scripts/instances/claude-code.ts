/**
 * The real Claude Code at work while instances and their database are broken: one task after the other through the balancer. Each must
 * come to its right result; the client repeats what was cut off, as it does with any provider.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Effect } from 'effect'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { scratchFolder } from '#test/signalbox-process.ts'
import { runClient } from '../claude-code/run-client.ts'
import { checkFinished } from '../claude-code/stage.ts'
import { task } from '../claude-code/task.ts'
import { retries, transcript } from '../claude-code/transcript.ts'

export const claudeCodeTasks =
  (note: (text: string) => void) =>
  ({
    url,
    providers,
    isOver,
  }: {
    readonly url: string
    readonly providers: readonly Simulator[]
    readonly isOver: () => boolean
  }): Effect.Effect<readonly string[]> =>
    Effect.gen(function* () {
      const problems: string[] = []
      for (let n = 1; !isOver(); n++) {
        const folder = yield* scratchFolder
        const [cwd, home] = [join(folder, 'project'), join(folder, 'home')]
        mkdirSync(cwd)
        mkdirSync(home)
        for (const provider of providers) provider.tell(task({ cwd }))
        const result = yield* runClient({ url, prompt: 'Do what the story says.', cwd, home })
        const finished = yield* Effect.exit(checkFinished(result))
        const text = yield* Effect.sync(() => readFileSync(join(cwd, 'story.txt'), 'utf8')).pipe(Effect.exit)
        const isRight = finished._tag === 'Success' && text._tag === 'Success' && text.value === 'alpha\ngamma\n'
        note(`Claude Code task ${n}: ${isRight ? 'right' : 'WRONG'}, ${retries(result).length} retries seen`)
        if (!isRight) {
          const found = text._tag === 'Success' ? JSON.stringify(text.value) : 'no story.txt'
          const said = transcript(result, [cwd, home, folder]).join('\n    ')
          problems.push(`Claude Code task ${n}: ${finished._tag}, ${found}\n    ${said}`)
        }
      }
      return problems
    }).pipe(Effect.scoped)
