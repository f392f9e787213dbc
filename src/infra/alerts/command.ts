/**
 * A channel that runs a program of the operator's, with the news as JSON on its standard input: for pagers, mail, or whatever has
 * no webhook. What it prints is dropped.
 */
import { spawn } from 'node:child_process'
import { Effect } from 'effect'
import { type Channel, DeliveryError, type DeliveryReason } from '#infra/alerts/channel.ts'
import { jsonBody } from '#infra/alerts/message-body.ts'
import type { ChannelSettings } from '#infra/alerts/settings.ts'

const TIMEOUT_MS = 30_000

type CommandSettings = Extract<ChannelSettings, { readonly _tag: 'Command' }>

/** Exit code 0 is taken, everything else is not. */
export const commandChannel = (
  { name, argv }: CommandSettings,
  { timeoutMs = TIMEOUT_MS }: { readonly timeoutMs?: number } = {},
): Channel => ({
  send: (message) =>
    run(argv, jsonBody(message)).pipe(
      Effect.timeoutOrElse({
        duration: timeoutMs,
        orElse: () => Effect.fail<DeliveryReason>({ _tag: 'TimedOut', afterMs: timeoutMs }),
      }),
      Effect.mapError((reason) => new DeliveryError({ channel: name, reason })),
    ),
})

const run = (argv: readonly string[], input: string): Effect.Effect<void, DeliveryReason> =>
  Effect.callback<void, DeliveryReason>((resume) => {
    const [program = '', ...args] = argv
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'], windowsHide: true })
    const fail = (how: string): void => resume(Effect.fail({ _tag: 'CommandFailed', how }))
    child.once('error', (error) => fail(`the error ${'code' in error ? String(error.code) : 'unknown'}`))
    child.once('close', (code, signal) => {
      if (code === 0) resume(Effect.void)
      else fail(code === null ? `the signal ${signal ?? 'unknown'}` : `exit code ${code}`)
    })
    // A program that does not read what it is told is judged by its exit code alone.
    child.stdin.once('error', () => undefined)
    child.stdin.end(input)
    return Effect.sync(() => {
      child.kill('SIGKILL')
    })
  })
