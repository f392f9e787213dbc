/**
 * A question on the terminal, on standard error so that standard output stays the command's own.
 */
import { createInterface } from 'node:readline'
import { Effect } from 'effect'

/** `noTerminal`: there is nobody to ask. */
export type Confirmed = 'yes' | 'no' | 'noTerminal'

export const confirm = (question: string): Effect.Effect<Confirmed> =>
  Effect.callback((resume) => {
    if (!process.stdin.isTTY || !process.stderr.isTTY) {
      resume(Effect.succeed('noTerminal'))
      return
    }
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    lines.once('close', () => resume(Effect.succeed('no')))
    lines.question(`${question} [y/N] `, (answer) => {
      resume(Effect.succeed(/^y(es)?$/i.test(answer.trim()) ? 'yes' : 'no'))
      lines.close()
    })
    return Effect.sync(() => lines.close())
  })
