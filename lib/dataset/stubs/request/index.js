function request() {
	throw new Error("request: network access is not part of powerki");
}
request.get = request;
module.exports = request;
