/** The API reference's own examples, with the real port and id. Tests run them unchanged. */
export function delegateExample(port: number): string {
  return `curl -X POST http://localhost:${port}/api/jobs/delegate \\
  -H "Authorization: Bearer your-token" \\
  -H "Content-Type: application/json" \\
  -d '{
    "jobId": "123",
    "runId": "456",
    "repository": "owner/repo",
    "workflow": "CI",
    "runnerName": "proxy-1",
    "labels": ["self-hosted"]
  }'`
}

export function statusExample(port: number, id: string): string {
  return `curl http://localhost:${port}/api/jobs/${id} \\
  -H "Authorization: Bearer your-token"`
}

export function followExample(port: number, id: string): string {
  return `curl -sN "http://localhost:${port}/api/jobs/${id}/logs?follow=true" \\
  -H "Authorization: Bearer your-token"`
}

export function logExample(port: number, id: string): string {
  return `curl -s "http://localhost:${port}/api/jobs/${id}/logs?download=true" \\
  -H "Authorization: Bearer your-token"`
}
