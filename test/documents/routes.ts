import { routes } from '../../src/http/routes.ts'

/** Every route of the facade, as `GET /api/jobs/:id`; HEAD, which comes with every GET, is left out. */
export function routesOf(): string[] {
  return routes.map(({ method, path }) => `${method} ${path}`)
}
