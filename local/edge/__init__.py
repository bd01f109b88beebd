"""What API Gateway does, on a laptop: routes and authorizer of the deployed API, answers streamed."""
