import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.MEZZOTINT_SERVER ?? "http://127.0.0.1:8188";
const routes = ["/api", "/ws", "/view", "/openapi.json"];

export default defineConfig({
  plugins: [react()],
  base: "./",
  build: { outDir: "dist", target: "es2022", assetsDir: "assets", chunkSizeWarningLimit: 1200 },
  server: {
    // `npm run dev` beside a running server: the page comes from here, everything else from there
    proxy: Object.fromEntries(routes.map((route) => [route, { target: server, ws: route === "/ws" }])),
  },
  test: { include: ["tests/**/*.test.ts", "src/**/*.test.{ts,tsx}"], environment: "node", testTimeout: 60_000 },
});
