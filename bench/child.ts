/**
 * What the benchmark's own server processes have in common: they take a free port, print where they listen as one line of
 * JSON, and end when the harness does.
 */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export const listening = (server: Server): void => {
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
  })
  const end = (): void => process.exit(0)
  process.on('SIGTERM', end)
  // Standard input is a pipe from the harness; it closes even if the harness is killed.
  process.stdin.on('end', end).on('error', end).resume()
}
