import { routes } from '../../src/http/routes.ts'

/** Every route of the facade, as `GET /api/jobs/:id`, without the HEAD of each GET. */
export function routesOf(): string[] {
  return routes.map(({ method, path }) => `${method} ${path}`)
}
