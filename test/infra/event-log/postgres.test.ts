import { Effect, Layer } from 'effect'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { booksContract } from '#test/books-contract.ts'
import { eventLogContract } from '#test/event-log-contract.ts'
import { freshDatabase } from '#test/postgres.ts'

const layerFresh = () =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => freshDatabase()),
      (url) => layerPostgres({ url }),
    ),
  )

eventLogContract('PostgreSQL', layerFresh)
booksContract('PostgreSQL', layerFresh)
