// Connections that stay open and send what happens: WebSocket where the client asked for it, else server-sent events.
#pragma once

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "server/http/http_inner.h"

namespace dunlin::server::http {

using PlainStream = boost::beast::tcp_stream;
using TlsStream = boost::beast::ssl_stream<boost::beast::tcp_stream>;
using WireRequest = boost::beast::http::request<boost::beast::http::string_body>;

/// Takes the connection over: answers the request that was read from it and gives its sending end to `response.live`. To be called on the thread that
/// reads and writes.
void go_live(std::shared_ptr<HttpServer::Inner> server, PlainStream stream, std::shared_ptr<WireRequest> request, Response response);
void go_live(std::shared_ptr<HttpServer::Inner> server, TlsStream stream, std::shared_ptr<WireRequest> request, Response response);

}  // namespace dunlin::server::http
