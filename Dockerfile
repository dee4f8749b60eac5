# One image for the API, the worker and the commands; the command line chooses.
FROM node:24.21.0-trixie-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install scripts: they bring the embedded Node and Postgres, which production does not use.
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force
COPY domain domain
COPY runtime runtime
COPY db db
COPY providers providers
COPY workflows workflows
COPY activities activities
COPY worker worker
COPY api api
# The files stay root's: the processes read them and write nothing but their answers.
USER node
EXPOSE 8080
CMD ["node", "api/main.ts"]
